"""Read scripts aloud: cast voices, prepare text for speech, and record table reads."""
