"""One drawn movement with rest around it, as a video file and as its truth."""

from fleeting.drawing import identity
from fleeting.drawing.rendering import write_video
from fleeting.drawing.script import script_of_clip

FPS = 30
SCRIPT = script_of_clip(identity(1, 0), "surprise", 3, FPS, margin=2.5, amplitude=1.5)
(TRUTH,) = SCRIPT.events


def drawn_video(path):
    write_video(SCRIPT, path)
    return path


def overlap(event):
    """Intersection over union of an event's frames with the true ones."""
    shared = min(event.offset_frame, TRUTH.offset_frame) - max(event.onset_frame, TRUTH.onset_frame) + 1
    spans = (event, TRUTH)
    return shared / (sum(span.offset_frame - span.onset_frame + 1 for span in spans) - shared)
