"""ClickHouse: client, migrations, the sink and what makes a block visible."""
