"""An explanation shows what a model looked at in one movement: maps over the face, the clip's inputs."""
