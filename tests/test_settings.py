"""Settings: every slip is named at once in plain words, no value is ever shown, and nothing unusable gets through."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import main
from app.errors import ConfigError
from app.settings import PUBLIC_TEST_SECRET, Settings, load

EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"
CANARY = "Hunter2-Canary"


def refused(**given: Any) -> list[str]:
    """The complaints about `.env.example` with these values; fails when it is taken."""
    with pytest.raises(ConfigError) as caught:
        load(_env_file=EXAMPLE, **given)
    assert caught.value.__cause__ is None
    assert caught.value.reason == "settings"
    return str(caught.value).removeprefix("settings refused: ").split("; ")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("approvers", f"U1={CANARY}@x.com,{CANARY}", "APPROVERS part 2 is not name=value"),
        ("approvers", f"{CANARY}=a@x.com,{CANARY}=b@x.com", "APPROVERS part 2 repeats a name"),
        ("approvers", f'{{"{CANARY}', "APPROVERS is not valid JSON"),
        ("approvers", f'{{"U1": ["{CANARY}"]}}', "APPROVERS must be a JSON object of texts"),
        ("approvers", f'{{"U1": "a", "U1": "{CANARY}"}}', "APPROVERS part 2 repeats a name"),
        ("desk_tags", f"regulatory_threat={CANARY},{CANARY}", "DESK_TAGS part 2 is not name=value"),
        ("desk_tags", "foo=bar", "DESK_TAGS unknown name foo"),
        ("desk_tags", f"{CANARY}=bar", "DESK_TAGS unknown name part 1"),
        ("desk_tags", "pref_stop_sms=pref_stop_all", "DESK_TAGS two names share one tag"),
        (
            "desk_tags",
            "pref_stop_sms=desk_done",
            "DESK_TAGS tags that begin with desk_ are the desk's own",
        ),
        ("desk_fields", f"name=1,{CANARY}", "DESK_FIELDS part 2 is not name=value"),
        ("desk_fields", f"name={CANARY}", "DESK_FIELDS name needs the id of a ticket field, a number"),
        (
            "desk_fields",
            "age=1",
            "DESK_FIELDS age is not one of name, contact, backoffice, preference,"
            " identity, confirmed_by, confirmed_via, authority",
        ),
        ("desk_fields", "1,2,3,4,5", "DESK_FIELDS at most four ids"),
        ("desk_fields", "name=1,full_name=2", "DESK_FIELDS name is given twice, or shares its field with another"),
        ("desk_fields", "name=1,contact=1", "DESK_FIELDS contact is given twice, or shares its field with another"),
        ("max_body", "0", "MAX_BODY must be a whole number above 0"),
        ("signature_window", "-1", "SIGNATURE_WINDOW must be a whole number above 0"),
        ("approval_life", "0", "APPROVAL_LIFE must be a whole number above 0"),
        ("approval_life", CANARY, "APPROVAL_LIFE must be a whole number above 0"),
        ("port", "65536", "PORT must be a whole number from 0 to 65535"),
        ("port", "1.5", "PORT must be a whole number from 0 to 65535"),
        ("worker_concurrency", "", "WORKER_CONCURRENCY is empty"),
        ("lease", "inf", "LEASE must be a number above 0 and not above 3600"),
        ("jira_quiet", "nan", "JIRA_QUIET must be a number from 0 to 86400"),
        ("stalled_after", "5", "STALLED_AFTER must be more than HEARTBEAT"),
        ("retry_cap", "1", "RETRY_CAP must not be less than RETRY_BASE"),
        ("forget_case_days", "0", "FORGET_CASE_DAYS must be a whole number from 1 to 3650"),
        ("backoffice_url", CANARY, "BACKOFFICE_URL must be an http(s) URL"),
        ("backoffice_url", f"ftp://{CANARY}/", "BACKOFFICE_URL must be an http(s) URL"),
        ("backoffice_url", "http://[", "BACKOFFICE_URL must be an http(s) URL"),
        ("backoffice_url", "https://x y/", "BACKOFFICE_URL must be an http(s) URL"),
        ("public_url", f"https://user:{CANARY}@x.com", "PUBLIC_URL must not hold a user or password"),
        ("zendesk_url", "http://zendesk.example", "ZENDESK_URL plain http is for stand-ins on this machine only"),
        ("ca_bundle", f"no/{CANARY}.pem", "CA_BUNDLE must be empty or a file that can be read"),
        ("ca_bundle", ".", "CA_BUNDLE must be empty or a file that can be read"),
        ("slack_channel", "#support", "SLACK_CHANNEL must be a channel's id such as C0123456789, not its name"),
        ("slack_channel", "", "SLACK_CHANNEL is missing"),
        ("slack_bot_token", "", "SLACK_BOT_TOKEN is missing"),
        ("slack_signing_secrets", " , ", "SLACK_SIGNING_SECRETS is missing"),
        ("oidc_issuer", "http://id.example", "OIDC_ISSUER plain http is for stand-ins on this machine only"),
        ("oidc_issuer", "https://id.example/desk", "OIDC_CLIENT_ID is missing"),
        ("oidc_roles", f"{CANARY}=admin", "OIDC_ROLES must name a role after each =: viewer, operator, officer"),
        ("oidc_roles", CANARY, "OIDC_ROLES part 1 is not name=value"),
        ("slack_app_token", f"xoxb-{CANARY}", "SLACK_APP_TOKEN must be empty or an app-level token (xapp-…)"),
        ("jira_webhook_secrets", "", "JIRA_WEBHOOK_SECRETS is empty"),
        ("jira_webhook_secrets", "changeme", "JIRA_WEBHOOK_SECRETS is a published or example secret"),
        ("jira_done_resolutions", ",", "JIRA_DONE_RESOLUTIONS is empty"),
        ("jira_project", "sup", "JIRA_PROJECT must be a project's key such as SUP"),
        ("zendesk_account_id", "my-account", "ZENDESK_ACCOUNT_ID must be digits only"),
        ("database_url", f"mysql://root:{CANARY}@db/x", "DATABASE_URL must be empty or postgresql://…"),
        ("database_url", f"postgresql://u:{CANARY}@db/x?nonsense=1", "DATABASE_URL must be empty or postgresql://…"),
        ("database_url", f"{CANARY}=1 b", "DATABASE_URL must be empty or postgresql://…"),
        ("desk_time_zone", "Mars/Base", "DESK_TIME_ZONE must be a time zone such as Asia/Kuala_Lumpur"),
        ("desk_time_zone", "", "DESK_TIME_ZONE must be a time zone such as Asia/Kuala_Lumpur"),
        ("desk_time_zone", "../etc/passwd", "DESK_TIME_ZONE must be a time zone such as Asia/Kuala_Lumpur"),
        ("desk_language", "fr", "DESK_LANGUAGE must be 'en', 'ms' or 'zh'"),
        ("chat", "teams", "CHAT must be 'slack' or 'mattermost'"),
    ],
)
def test_a_slip_is_named_in_plain_words_and_alone(name: str, value: str, words: str) -> None:
    assert refused(**{name: value}) == [words]


def test_c021_what_is_refused_at_the_start_and_named(env_file: Callable[[str], Path]) -> None:
    """C021, by the command: exit code 1 and one line. An empty list of approvers starts, and nobody may decide: `desk
    check` fails for it (tests/test_check.py), since a group may be who decides."""
    for line, named in (
        (f"APROVERS={CANARY}", "APROVERS in .env is no setting"),
        (f"PORT={CANARY}", "PORT must be"),
        ("SECRET_KEY=", "SECRET_KEY is empty"),
        ("SECRET_KEY=changeme", "SECRET_KEY is a published or example secret"),
        (f"ZENDESK_WEBHOOK_SECRETS={PUBLIC_TEST_SECRET}", "ZENDESK_WEBHOOK_SECRETS is a published"),
        (f"APPROVERS={CANARY}", "APPROVERS part 1 is not name=value"),
    ):
        folder = env_file(line).parent
        for words in (["work"], ["migrate"], ["events", "list"], ["check"]):
            with contextlib.chdir(folder):
                done = CliRunner().invoke(main, words)
            assert (done.exit_code, done.stdout) == (1, ""), (line, words)
            assert done.stderr.startswith("desk: settings refused: ")
            assert named in done.stderr
            assert done.stderr.count("\n") == 1
            assert CANARY not in done.stderr


def test_one_slip_hides_no_other() -> None:
    found = refused(
        approvers=CANARY, desk_tags=CANARY, desk_fields=CANARY, slack_channel="", port="x", jira_token="", lease="0"
    )
    assert [line.partition(" ")[0] for line in found] == [
        "PORT",
        "SLACK_CHANNEL",
        "APPROVERS",
        "JIRA_TOKEN",
        "DESK_FIELDS",
        "DESK_TAGS",
        "LEASE",
    ]
    assert CANARY not in "".join(found)


def test_every_missing_setting_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        load(_env_file=None)
    for name in ("PUBLIC_URL", "SECRET_KEY", "ZENDESK_CLIENT_SECRET", "SLACK_BOT_TOKEN", "SLACK_CHANNEL", "JIRA_TOKEN"):
        assert f"{name} is missing" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("port", "", 8000),
        ("host", " ", "127.0.0.1"),
        ("backoffice_url", "", ""),
        ("backoffice_url", "https://bo.example.com", "https://bo.example.com"),
        ("backoffice_url", "http://bo.internal:8080/c/{customer}?x=1", "http://bo.internal:8080/c/{customer}?x=1"),
        ("database_url", "postgres://u@h/d", "postgres://u@h/d"),
        ("database_url", "host=/run/pg dbname=desk", "host=/run/pg dbname=desk"),
        ("slack_channel", "G012345", "G012345"),
        ("zendesk_account_id", "10000001", "10000001"),
        ("approvers", "", {}),
        ("approvers", "U1:a@x.com, U2=b@x.com", {"U1": "a@x.com", "U2": "b@x.com"}),
        ("approvers", '{"U1": "a@x.com"}', {"U1": "a@x.com"}),
        ("jira_webhook_secrets", "new-one, old-one", 2),
        ("desk_time_zone", "UTC", "UTC"),
        ("ca_bundle", str(EXAMPLE), str(EXAMPLE)),
    ],
)
def test_what_is_taken(name: str, value: str, read: object) -> None:
    found = getattr(load(_env_file=EXAMPLE, **{name: value}), name)
    assert (len(found) if isinstance(read, int) and isinstance(found, tuple) else found) == read


@pytest.mark.parametrize(
    "value",
    [
        "name=1,contact=2,backoffice=3,preference=4",
        "1,2,3,4",
        "full_name=1,phone_number=2,backoffice_url=3,customer_preference=4",
        "customer_name=1,customer_number=2,backoffice_link=3,pref=4",
        '{"name": 1, "contact": "2", "backoffice": 3, "preference": 4}',
    ],
)
def test_the_ticket_fields_in_any_words(value: str) -> None:
    settings = load(_env_file=EXAMPLE, desk_fields=value)
    assert settings.fields == {"name": 1, "contact": 2, "backoffice": 3, "preference": 4}


@pytest.fixture
def env_file(tmp_path: Path) -> Callable[[str], Path]:
    """`.env.example` with more lines, as `.env`."""

    def build(more: str) -> Path:
        path = tmp_path / ".env"
        path.write_text(EXAMPLE.read_text("utf-8") + more + "\n", "utf-8")
        return path

    return build


def test_a_name_in_the_file_that_is_no_setting(
    env_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = env_file(f"APROVERS={CANARY}\nPORT=x\nMY_OWN={CANARY}")
    with pytest.raises(ConfigError) as caught:
        load(_env_file=path)
    text = str(caught.value)
    assert "APROVERS in .env is no setting (meant APPROVERS?)" in text
    assert "MY_OWN in .env is no setting" in text
    assert "PORT must be" in text, "both kinds of slip are told at once"
    assert CANARY not in text
    monkeypatch.chdir(path.parent)
    with pytest.raises(ConfigError, match="APROVERS"):
        load()


def test_the_file_may_hold_gunicorns_and_the_environment_anything(
    env_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APROVERS", "x")
    monkeypatch.setenv("DESK_OTHER_PROGRAM", "x")
    assert isinstance(load(_env_file=env_file("WEB_CONCURRENCY=2\nWEB_THREADS=8")), Settings)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"PUBLIC_URL=\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(_env_file=path)
