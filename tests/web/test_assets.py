"""Scripts and styles of the page: kept by browsers, under addresses that change with what they hold."""

import re


def test_files_of_the_page_are_kept_by_browsers_and_never_old(asking):
    html = asking.get("/").text
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', html)
    (version,) = {address.split("/")[2] for address in addresses}  # scripts load others by their names
    for address in addresses:
        answer = asking.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    old = asking.get(addresses[0].replace(version, "0" * len(version)))
    assert (old.status_code, "immutable" in old.headers["cache-control"]) == (404, False)
    for name in ("..%2Fpages.py", "../pages.py", "nothing.js"):
        assert asking.get(f"/static/{version}/{name}").status_code == 404
    assert "immutable" not in asking.get("/").headers["cache-control"]
    assert asking.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
