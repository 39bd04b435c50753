"""All readers."""

from __future__ import annotations

from fuzz import dicom_readers, json_readers, model_readers, stored_map_readers, table_readers, volume_readers
from fuzz.reader import Reader

READERS: dict[str, Reader] = {
    reader.name: reader
    for module in (
        json_readers,
        table_readers,
        volume_readers,
        stored_map_readers,
        model_readers,
        dicom_readers,
    )
    for reader in module.READERS
}
