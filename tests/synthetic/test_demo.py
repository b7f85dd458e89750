"""`fleeting demo`: movements found in a drawn video beside those drawn into it, the same at each run."""

import json

import pytest

import fleeting
from fleeting.cli import main
from fleeting.synthetic import demo


@pytest.mark.slow
def test_found_is_put_beside_true(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "SECONDS", 12.0)
    monkeypatch.setattr(demo, "FPS", 50.0)
    shown = fleeting.demo(tmp_path / "demo")
    truth = json.loads((tmp_path / "demo" / "drawn" / "truth.json").read_text())["videos"][0]["events"]
    assert shown.true == len(truth) > 0
    assert shown.hits + sum(row.found is None for row in shown.rows) == shown.true
    for row in shown.rows:
        if row.true and row.found:
            both = min(row.true["offset_frame"], row.found.offset_frame) - max(
                row.true["onset_frame"], row.found.onset_frame
            )
            assert both >= 0
    with pytest.raises(SystemExit) as left:
        main(["demo", "--out", str(tmp_path / "demo"), "--json"])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(shown.as_dict()))
    assert (tmp_path / "demo" / "analysis" / "drawn_001" / "report.html").exists()
