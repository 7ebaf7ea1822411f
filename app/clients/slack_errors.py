"""What each of Slack's error codes means. Slack answers 200 with `ok: false`; a code that is not here is unknown.

Sources: docs.slack.dev, error tables of chat.postMessage, chat.update, chat.postEphemeral, conversations.history,
users.info, usergroups.users.list, views.open and auth.test, and the errors common to all methods.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.clients import outcome
from app.clients.shape import text
from app.errors import AuthError, VendorError

# meaning -> codes. `auth`, `rate_limited`, `locked` (surely not done, over in a moment) and `server` (Slack's own text:
# some aspect of the operation may have succeeded) are classes of their own; all others are reasons of PermanentError.
_MEANINGS = {
    "auth": """account_inactive invalid_auth not_authed token_expired token_revoked org_login_required
        team_access_not_granted two_factor_setup_required user_removed_from_team""",
    "rate_limited": "ratelimited rate_limited message_limit_exceeded",
    "locked": "external_channel_migrating streaming_state_conflict team_added_to_org",
    "server": "fatal_error internal_error request_timeout service_unavailable update_failed",
    "gone": """message_not_found thread_not_found user_not_found user_not_visible duplicate_message_not_found
        duplicate_channel_not_found no_such_subteam subteam_not_found exchanged_trigger_id
        expired_trigger_id invalid_trigger_id trigger_exchanged trigger_expired not_found draft_not_found
        draft_already_deleted draft_already_sent""",
    "closed": "cant_update_message edit_window_closed is_inactive",
    "channel": """channel_not_found channel_is_limited_access is_archived not_in_channel user_not_in_channel
        team_not_found messages_tab_disabled""",
    "forbidden": """access_denied accesslimited app_access_restricted ekm_access_denied enterprise_is_restricted
        plan_upgrade_required metadata_must_be_sent_from_app missing_scope no_permission
        not_allowed_token_type posting_to_channel_denied restricted_action
        restricted_action_non_threadable_channel restricted_action_read_only_channel
        restricted_action_thread_locked restricted_action_thread_only_channel send_on_behalf_not_allowed
        slack_connect_blocked_file_type slack_connect_canvas_sharing_blocked
        slack_connect_clip_sharing_blocked slack_connect_file_link_sharing_blocked
        slack_connect_file_upload_sharing_blocked slack_connect_lists_sharing_blocked""",
    "rejected": """as_user_not_supported attachment_payload_limit_exceeded block_mismatch blocked_file_type
        cannot_reply_to_message cant_broadcast_message deprecated_endpoint draft_has_conflict file_deleted
        file_is_deleted file_not_found file_share_limit_reached invalid_arg_name invalid_arguments
        invalid_array_arg invalid_attachments invalid_blocks invalid_blocks_format invalid_charset
        invalid_cursor invalid_form_data invalid_json invalid_limit invalid_metadata_filter_keys
        invalid_metadata_format invalid_metadata_schema invalid_post_type invalid_ts_latest
        invalid_ts_oldest json_not_object markdown_text_conflict max_file_sharing_exceeded
        metadata_too_large method_deprecated missing_file_data missing_post_type duplicate_external_id
        push_limit_reached view_too_large invalid_trigger_for_user msg_blocks_too_long msg_too_large
        msg_too_long no_dual_broadcast_content_update no_text too_many_attachments too_many_contact_cards
        too_many_users unable_to_share_files unknown_method""",
}
MEANING = {code: meaning for meaning, codes in _MEANINGS.items() for code in codes.split()}


def judge(status: int, headers: Mapping[str, str], body: bytes) -> VendorError | None:
    """None when Slack said `ok: true`; else the error that its code, or the HTTP status, stands for."""
    answer = outcome.read_object(body) or {}
    code = text(answer.get("error"))
    if 200 <= status < 300:
        if answer.get("ok") is True:
            return None
        return by_code(code, status, headers)
    if 400 <= status < 500 and status != 429 and answer.get("ok") is False:
        return by_code(code, status, headers)
    return outcome.judge("slack", status, headers, body)


def by_code(code: str, status: int, headers: Mapping[str, str]) -> VendorError:
    """The error of one code. An unmapped code is an unknown outcome: for a write, look before sending again."""
    meaning = MEANING.get(code, "server" if code else "unreadable")
    if meaning in ("server", "unreadable"):
        return outcome.unknown("slack", meaning, status)
    if meaning == "auth":
        return AuthError(outcome.say("slack", "auth"), "auth", vendor="slack", status=status)
    if meaning in ("rate_limited", "locked"):
        return outcome.not_applied("slack", meaning, status, outcome.retry_after(headers.get("Retry-After")))
    return outcome.permanent("slack", meaning, status)
