"""May it? The one answer: `rules` are pure and know no database, `verdict` asks them with what the portal knows."""
