"""Whether each wish is really fulfilled: what JIRA claims, what the ban's source says, and when it is asked again."""
