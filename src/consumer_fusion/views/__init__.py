"""Views: charts and their wording, shared by page, report and notebook."""
