"""Shared fixtures. Every test starts from `.env.example` and sees no setting of the machine it runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings, load

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def settings() -> Settings:
    """`.env.example` as it stands; a test that needs another value calls `load(_env_file=..., name=value)`."""
    return load(_env_file=ROOT / ".env.example")
