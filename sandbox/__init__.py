"""Stand-ins for Zendesk, Slack and JIRA that behave as the vendors' documents say. Never imported by app/."""
