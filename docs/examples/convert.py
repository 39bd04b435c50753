"""Bring a folder of NIfTI files into nnU-Net's raw format."""

import shutil
from pathlib import Path
from tempfile import mkdtemp

import nnunet_cscn as cscn

# A folder as people have it: synthetic cases under names of their own.
folder = Path(mkdtemp())
phantom = cscn.write_phantom(folder / "phantom", cases=3, test_cases=0, in_plane=104, slices=(20, 20))
source = folder / "my_data"
for patient, image in enumerate(sorted((phantom / "imagesTr").glob("*_0000.nii.gz"))):
    target = source / f"patient_{patient}"
    target.mkdir(parents=True)
    shutil.copy(image, target / "T1.nii.gz")
    shutil.copy(phantom / "labelsTr" / image.name.replace("_0000", ""), target / "GTV.nii.gz")

result = cscn.convert_nifti(
    source,
    folder / "raw",
    dataset_id=960,
    images={"T1": "{case}/T1.nii.gz"},
    label_maps="{case}/GTV.nii.gz",
    labels={"GTVp": 1},
)
print(f"{len(result.converted)} of {result.n_cases} cases in {result.folder.name}")
print(f"pictures to look at: {result.pictures}")
