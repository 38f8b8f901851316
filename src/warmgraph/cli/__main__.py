"""`python -m warmgraph.cli`."""

from __future__ import annotations

from warmgraph.cli.program import main

raise SystemExit(main())
