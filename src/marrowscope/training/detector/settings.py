"""How a bundle shows fields to the detector; a finished run chooses the score threshold."""

from marrowscope.imaging.scale import WORKING_MPP
from marrowscope.models.bundle import DetectorSettings

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
