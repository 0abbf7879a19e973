"""People in five frames of a PoseTrack18 video, for which MMPose ships no annotations.

    python tests/real/posetrack_people.py OUT.json

writes a COCO file of boxes; its images lie in ``posetrack18`` of MMPose's tests/data. The boxes
are drawn by hand, to some 10 px.
"""

import json
import sys
from pathlib import Path

FOLDER = 'posetrack18/000001_mpiinew_test'
# [x, y, width, height] px, by frame.
BOXES = {
    '000000.jpg': [[358, 273, 207, 302], [608, 258, 192, 178], [600, 400, 250, 125]],
    '000001.jpg': [[360, 278, 190, 300], [615, 268, 202, 205], [612, 430, 210, 102]],
    '000002.jpg': [[363, 284, 182, 306], [625, 284, 247, 218], [604, 440, 188, 104]],
    '000003.jpg': [[363, 284, 178, 306], [618, 280, 252, 222], [578, 443, 215, 104]],
    '000004.jpg': [
        *[[362, 284, 162, 310], [588, 280, 142, 190], [545, 404, 270, 142]],
        [1165, 192, 114, 212],
    ],
}


def coco_boxes() -> dict:
    """A COCO file of the people, without keypoints."""
    images = [
        dict(id=number, file_name=name, width=1280, height=720)
        for number, name in enumerate(BOXES, 1)
    ]
    boxes = [(image['id'], box) for image in images for box in BOXES[image['file_name']]]
    people = [
        dict(id=number, image_id=image, category_id=1, bbox=box, area=box[2] * box[3], iscrowd=0)
        for number, (image, box) in enumerate(boxes, 1)
    ]
    categories = [dict(id=1, name='person')]
    return dict(images=images, annotations=people, categories=categories)


if __name__ == '__main__':
    Path(sys.argv[1]).write_text(json.dumps(coco_boxes()))
