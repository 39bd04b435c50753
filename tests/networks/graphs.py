"""The graphs of torch's autograd."""


def nodes_behind(outputs):
    """The names of all operations in the graphs of nested outputs."""
    if isinstance(outputs, list):
        return set().union(*map(nodes_behind, outputs))
    found, waiting = {}, [outputs.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found[node] = node.name()
            waiting += [before for before, _ in node.next_functions]
    return {name.split("::")[-1] for name in found.values()}
