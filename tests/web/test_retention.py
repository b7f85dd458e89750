"""Retention: jobs that ended long ago are forgotten, files and rows, and others are not."""

from dataclasses import replace

import pytest

from fleeting.web.app import application
from fleeting.web.retention import forget_old
from fleeting.web.store import Store
from tests.fixtures.service import seed


@pytest.mark.slow
def test_old_jobs_are_forgotten_with_all_that_belongs_to_them(settings, short_analysis):
    kept = replace(settings, keep_days=1)
    settings.folder.mkdir(parents=True)
    id_ = seed(settings, short_analysis)
    app = application(kept)
    app.state.store.close()
    assert (settings.folder / "jobs" / id_).is_dir()  # it ended just now
    given = replace(app.state.service, settings=replace(settings, keep_days=1e-9))
    assert forget_old(given) == 1
    assert list((settings.folder / "jobs").iterdir()) == []
    store = Store(settings.store_url)
    assert store.jobs() == []
    store.close()
    given.store.close()
