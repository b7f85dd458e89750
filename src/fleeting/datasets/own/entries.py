"""An entry is what a person wrote about one movement: cells by field, and where each of them stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SPELLINGS: Mapping[str, frozenset[str]] = {
    "file": frozenset({"file", "filename", "filepath", "path", "video", "videofile", "clip", "media"}),
    "subject": frozenset({"subject", "sub", "subid", "subjectid", "person", "participant", "participantid"}),
    "onset": frozenset({"onset", "onsetframe", "onsetf"}),
    "apex": frozenset({"apex", "apexframe", "apexf"}),
    "offset": frozenset({"offset", "offsetframe", "offsetf"}),
    "onset_s": frozenset({"onsets", "onsetsec", "onsetseconds", "onsettime"}),
    "apex_s": frozenset({"apexs", "apexsec", "apexseconds", "apextime"}),
    "offset_s": frozenset({"offsets", "offsetsec", "offsetseconds", "offsettime"}),
    "label": frozenset({"label", "emotion", "estimatedemotion", "class"}),
    "kind": frozenset({"kind", "type", "expressiontype"}),
    "action_units": frozenset({"au", "aus", "actionunit", "actionunits"}),
    "objective": frozenset({"objective", "objectiveclass", "objectiveclasses"}),
    "fps": frozenset({"fps", "framerate"}),
    "first_frame": frozenset({"firstframe"}),
}
"""Headers of each field: only lower-case letters and digits, so that ``Onset (s)`` is ``onset_s``."""
MOMENTS = ("onset", "apex", "offset")
FIELDS = tuple(SPELLINGS)


@dataclass(frozen=True)
class Entry:
    """The cells of one row of a table, or of one annotation of an ELAN file, by field.

    ``where`` says which, such as "row 5 of clips.csv". ``places`` are the names of cells, such as C5, where
    they have any; ``mark`` separates the cells of a text file. ``others`` are the cells of further columns by
    their headers. ``played`` says that seconds count from the file's beginning, as players count. ``fault``
    is what is wrong with the row as a whole, and what to do; both are "" where nothing is.
    """

    where: str
    cells: Mapping[str, object]
    places: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""
    others: Mapping[str, str] = field(default_factory=dict)
    played: bool = False
    fault: tuple[str, str] = ("", "")

    def at(self, name: str) -> str:
        """How a message names a field's cell: its row, its column, and its place in a spreadsheet."""
        place = self.places.get(name, "")
        return f"{self.where}, column {name}{f' ({place})' if place else ''}"
