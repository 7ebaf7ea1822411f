"""What Mattermost's refusals mean: by the error's `id` where its status alone does not say, else by status.

Sources: facts chat-and-jira M17, M19, M20, M25, M26; mattermost/mattermost server/channels (api4, app) for the ids.
Only what surely was not done is more than "unknown"; nothing of the vendor's text is ever kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from app.clients import outcome
from app.clients.shape import text
from app.errors import VendorError

RESET = "X-RateLimit-Reset"  # seconds to wait in practice, though documented as a time (M25)
EPOCH = 1e9  # a number above this is a time
_MEANINGS = {
    "gone": """api.post.create_post.root_id.app_error app.post.get.app_error store.sql_post.get.app_error
        interactive_message.decode_trigger_id.expired interactive_message.decode_trigger_id.missing_data
        interactive_message.decode_trigger_id.base64_decode_failed
        interactive_message.decode_trigger_id.base64_decode_failed_signature
        interactive_message.decode_trigger_id.signature_decode_failed
        interactive_message.decode_trigger_id.verify_signature_failed""",
    "closed": """api.post.update_post.permissions_time_limit.app_error
        api.post.update_post.system_message.app_error""",
    "channel": """api.post.create_post.can_not_post_to_deleted.error
        api.post.update_post.can_not_update_post_in_deleted.error
        api.post.patch_post.can_not_update_post_in_deleted.error
        app.channel.get.existing.app_error app.channel.get.find.app_error""",
    "unlicensed": """api.license_error api.license.check_license.app_error api.custom_groups.license_error
        api.custom_groups.feature_disabled api.ldap_groups.license_error""",
}
MEANING = {id_: meaning for meaning, ids in _MEANINGS.items() for id_ in ids.split()}


def judge(status: int, headers: Mapping[str, str], body: bytes) -> VendorError | None:
    """None for a good answer; else the error that the `id`, or the status, stands for."""
    meaning = MEANING.get(text((outcome.read_object(body) or {}).get("id")))
    if status == 501 or (meaning and 400 <= status < 500 and status not in (401, 429)):
        return outcome.permanent("mattermost", meaning or "unlicensed", status)
    if status == 429:
        wait = outcome.retry_after(headers.get("Retry-After"))
        return outcome.not_applied("mattermost", "rate_limited", status, _reset(headers) if wait is None else wait)
    return outcome.judge("mattermost", status, headers, body)


def _reset(headers: Mapping[str, str]) -> float | None:
    value = headers.get(RESET, "").strip()
    if not value.isascii() or not value.isdigit() or len(value) > 12:
        return None
    seconds = float(value)
    return outcome.retry_after(str(max(seconds - time.time(), 0.0) if seconds > EPOCH else seconds))
