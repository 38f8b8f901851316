"""What is wrong with a memory file, and how it is mended: `warmgraph doctor`."""

from __future__ import annotations

from warmgraph.doctor.examination import Examination, examine
from warmgraph.doctor.findings import Finding, Kind
from warmgraph.doctor.mending import Mended, mend

__all__ = ["Examination", "Finding", "Kind", "Mended", "examine", "mend"]
