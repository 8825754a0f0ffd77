"""Logs of requests to a model: one JSON object a line, images within."""
