"""Single files are written beside those of others, never over them."""

import pytest

from fleeting.errors import OutputError
from fleeting.output.single import refuse_foreign, write_own


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_our_own_file_is_written_again_beside_files_of_others(tmp_path):
    (tmp_path / "thesis.doc").write_text("mine")
    for text in ("one", "two"):
        write_own(tmp_path / "page.html", text)
    assert names(tmp_path) == ["page.html", "thesis.doc"]
    assert (tmp_path / "page.html").read_text() == "two"


def test_a_file_of_others_is_refused_or_kept_aside(tmp_path, caplog):
    page = tmp_path / "page.html"
    page.write_text("mine")
    for write in (refuse_foreign, lambda path: write_own(path, "one")):
        with pytest.raises(OutputError, match=r"page\.html exists.*--replace"):
            write(page)
    assert names(tmp_path) == ["page.html"]
    write_own(page, "one", replace=True)
    assert (tmp_path / "page.edited-1.html").read_text() == "mine"
    page.write_text("edited")
    write_own(page, "two")
    assert (tmp_path / "page.edited-2.html").read_text() == "edited"
    assert "page.edited-2.html" in caplog.text


def test_a_folder_is_no_place_for_a_file(tmp_path):
    with pytest.raises(OutputError, match="is a folder, expected a file"):
        refuse_foreign(tmp_path, replace=True)
