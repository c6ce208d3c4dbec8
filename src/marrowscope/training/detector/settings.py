"""How a bundle shows fields to the detector; a finished run chooses the score threshold."""

from marrowscope.models.bundle import DetectorSettings

WORKING_MPP = 0.20
"""Micrometres per pixel at which the detector looks at a field; a leukocyte is then about 65 px across."""

DETECTOR_SETTINGS = DetectorSettings(
    file="detector.onnx",
    architecture="yolox-nano",
    working_mpp=WORKING_MPP,
    tile_px=640,
    overlap_px=128,  # 26 µm: wider than any cell but a megakaryocyte
    typical_cell_px=65.0,
    score_threshold=0.4,
    nms_iou=0.55,  # touching cells of a dense smear overlap less
    nms_ios=0.75,
)
