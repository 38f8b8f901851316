"""What the deployment serves beside LangGraph's own routes: the inspector at /inspector, figures at /metrics."""

from warmgraph.server.app import create_app

app = create_app()
