"""The old import path of `pictures`, for scripts outside this package; new code uses `fleeting.datasets`."""

from fleeting.datasets.reading.disk import pictures as pictures
