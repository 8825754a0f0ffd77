"""All that is RBLN's: releases, keys, devices, memory, emitted text, lint rules."""
