"""Cells in the formats of annotation and training tools: QuPath, COCO, YOLO, Pascal VOC."""
