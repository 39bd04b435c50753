"""Planning: new configurations, and plans in which both networks of the cascade fit into memory."""
