"""What a model looked at when it named a movement: maps over the face, and figures of a clip's inputs."""
