"""Messages as friends type them into a chat, each with what its writer meant.

The first sixty were written before the parser could read them, by imagining a group with phones: no
quotation marks, few capitals, smileys, times and links. The other sixty are by somebody who had not
seen the parser that reads the first ones.
"""

from __future__ import annotations

ACTION, HEADING, TRANSITION = "action", "heading", "transition"
"""Stand in a meaning where a speaker would stand."""

Meaning = tuple[str, ...]
"""The speaker as in a cue, or the kind; then the lines, of which one in brackets says how."""

CAST = ("HELEN", "KEVIN", "DRAGON", "ROBOT 2", "JEAN-LUC", "ÉLODIE", "MRS. O'BRIEN")
OTHER_CAST = ("MAYA", "JONAS", "DRAGON", "MRS. PIKE", "THE JUDGE")
"""The names that each script knows."""

TYPED_MESSAGES: tuple[tuple[str, list[Meaning]], ...] = (
    # Somebody whom the script knows speaks.
    ("Helen: Get me down", [("HELEN", "Get me down")]),
    ("helen: get me down", [("HELEN", "get me down")]),
    ("HELEN: GET ME DOWN!!", [("HELEN", "GET ME DOWN!!")]),
    ("Helen : who put me up here", [("HELEN", "who put me up here")]),
    ("kevin:what are you doing up there 😂", [("KEVIN", "what are you doing up there 😂")]),
    ("Dragon (softly): No.", [("DRAGON", "(softly)", "No.")]),
    ("dragon (laughing): no lol", [("DRAGON", "(laughing)", "no lol")]),
    ("Dragon: (softly) No.", [("DRAGON", "(softly)", "No.")]),
    ("Kevin: :)", [("KEVIN", ":)")]),
    ("Helen: meet me at 12:30", [("HELEN", "meet me at 12:30")]),
    ("Helen: https://example.org/ladder", [("HELEN", "https://example.org/ladder")]),
    (
        "kevin: Note to self: never trust a dragon",
        [("KEVIN", "Note to self: never trust a dragon")],
    ),
    ("Kevin: (1) run (2) hide (3) cry", [("KEVIN", "(1) run (2) hide (3) cry")]),
    ("Jean-Luc: engage", [("JEAN-LUC", "engage")]),
    ("jean luc: engage!", [("JEAN-LUC", "engage!")]),
    ("Élodie: ça va?", [("ÉLODIE", "ça va?")]),
    ("elodie: ça va??", [("ÉLODIE", "ça va??")]),
    ("Mrs O’Brien: my carpet!!", [("MRS. O'BRIEN", "my carpet!!")]),
    ("mrs. o'brien: who let the dragon in", [("MRS. O'BRIEN", "who let the dragon in")]),
    ("Robot 2: beep", [("ROBOT 2", "beep")]),
    ("robot 2 (sadly) : boop 🤖", [("ROBOT 2", "(sadly)", "boop 🤖")]),
    ("Helen (v.o.): It was a dark night.", [("HELEN (V.O.)", "It was a dark night.")]),
    ("**Helen:** are we rolling?", [("HELEN", "are we rolling?")]),
    ("🐉 Dragon: finally some peace", [("DRAGON", "finally some peace")]),
    ("Helen\nGet me down.", [("HELEN", "Get me down.")]),
    ("kevin:\n(from the roof)\nwhat", [("KEVIN", "(from the roof)", "what")]),
    ("Helen: *waves* hi everyone", [("HELEN", "(waves)", "hi everyone")]),
    ("Kevin whispers: don't look down", [("KEVIN", "(whispers)", "don't look down")]),
    # Several speak, or something happens between.
    ("Kevin: what time is it\nHelen: 12:30", [("KEVIN", "what time is it"), ("HELEN", "12:30")]),
    ("kevin: no\n\nhelen: yes\n\nkevin: no", [("KEVIN", "no"), ("HELEN", "yes"), ("KEVIN", "no")]),
    (
        "Kevin: wait for me\n\nHe climbs the curtain. It rips.",
        [("KEVIN", "wait for me"), (ACTION, "He climbs the curtain. It rips.")],
    ),
    (
        "Helen: get me down!\n*the dragon laughs*",
        [("HELEN", "get me down!"), (ACTION, "the dragon laughs")],
    ),
    ("Helen and Kevin: NO!", [("HELEN AND KEVIN", "NO!")]),
    # Somebody new speaks.
    ("Maya: who's that?", [("MAYA", "who's that?")]),
    ("Old Man: I was here first", [("OLD MAN", "I was here first")]),
    ("The Other Dragon: same", [("THE OTHER DRAGON", "same")]),
    ("Dr. Jane O'Neill (yawning): nobody move", [("DR. JANE O'NEILL", "(yawning)", "nobody move")]),
    ("R. J.: hello? anyone?", [("R. J.", "hello? anyone?")]),
    ("kevins mom: KEVIN!!!", [("KEVINS MOM", "KEVIN!!!")]),
    ("everyone: SURPRISE!!", [("EVERYONE", "SURPRISE!!")]),
    # Nobody speaks.
    ("the door opens", [(ACTION, "the door opens")]),
    ("*waves*", [(ACTION, "waves")]),
    ("(everyone freezes)", [(ACTION, "(everyone freezes)")]),
    ("lol :D", [(ACTION, "lol :D")]),
    ("Amazing :)", [(ACTION, "Amazing :)")]),
    ("12:30 and still no helicopter", [(ACTION, "12:30 and still no helicopter")]),
    ("12:30: Kevin falls asleep", [(ACTION, "12:30: Kevin falls asleep")]),
    ("https://example.org/dragon.png", [(ACTION, "https://example.org/dragon.png")]),
    ("Later: the dragon is asleep", [(ACTION, "Later: the dragon is asleep")]),
    ("Note: we need more dragons", [(ACTION, "Note: we need more dragons")]),
    ("Suddenly: a knock at the door.", [(ACTION, "Suddenly: a knock at the door.")]),
    (
        "things Helen carries:\n- a spoon\n- the crown\n- regret",
        [(ACTION, "things Helen carries:", "- a spoon", "- the crown", "- regret")],
    ),
    (
        "Kevin opens the box. Inside: a smaller box.",
        [(ACTION, "Kevin opens the box. Inside: a smaller box.")],
    ),
    # A place, or a change of it.
    ("int. helen's kitchen - night", [(HEADING, "INT. HELEN'S KITCHEN - NIGHT")]),
    ("Ext roof, rain", [(HEADING, "EXT ROOF, RAIN")]),
    (
        "ext. the roof - day\nKevin: this is fine",
        [(HEADING, "EXT. THE ROOF - DAY"), ("KEVIN", "this is fine")],
    ),
    ("Act One: The Chandelier", [(HEADING, "ACT ONE: THE CHANDELIER")]),
    ("Cut to:", [(TRANSITION, "CUT TO:")]),
    ("cut to: the roof", [(TRANSITION, "CUT TO: THE ROOF")]),
    ("fade to black", [(TRANSITION, "FADE TO BLACK")]),
)

OTHER_MESSAGES: tuple[tuple[str, list[Meaning]], ...] = (
    ("Maya: get me down from here", [("MAYA", "get me down from here")]),
    ("maya: no.", [("MAYA", "no.")]),
    ("MAYA: NO!!!", [("MAYA", "NO!!!")]),
    ("jonas : i told u not to climb it", [("JONAS", "i told u not to climb it")]),
    ("Jonas (whispering): did you hear that?", [("JONAS", "(whispering)", "did you hear that?")]),
    ("Dragon: (yawning) Five more minutes.", [("DRAGON", "(yawning)", "Five more minutes.")]),
    ("*the roof collapses*", [(ACTION, "the roof collapses")]),
    ("_The lights go out._", [(ACTION, "The lights go out.")]),
    (
        "the dragon sneezes and the curtains catch fire",
        [(ACTION, "the dragon sneezes and the curtains catch fire")],
    ),
    ("Maya laughs.", [(ACTION, "Maya laughs.")]),
    ("mrs pike: who ordered the swan?", [("MRS. PIKE", "who ordered the swan?")]),
    ("Mrs. Pike: Nobody leaves.", [("MRS. PIKE", "Nobody leaves.")]),
    ("the judge: order!", [("THE JUDGE", "order!")]),
    ("Kevin: hi, I'm new", [("KEVIN", "hi, I'm new")]),
    ("Pizza Guy: 40 bucks.", [("PIZZA GUY", "40 bucks.")]),
    ("old man: leave me be", [("OLD MAN", "leave me be")]),
    ("Cut to: the kitchen", [(ACTION, "Cut to: the kitchen")]),
    ("Later:", [(ACTION, "Later:")]),
    ("later that night: rain", [(ACTION, "later that night: rain")]),
    ("Note: we should end this soon", [(ACTION, "Note: we should end this soon")]),
    ("10:30: the train still isn't here", [(ACTION, "10:30: the train still isn't here")]),
    ("INT. KITCHEN - NIGHT", [(HEADING, "INT. KITCHEN - NIGHT")]),
    ("int. kitchen - night", [(HEADING, "INT. KITCHEN - NIGHT")]),
    ("ext roof, day", [(HEADING, "EXT ROOF, DAY")]),
    ("Meanwhile, in the kitchen: smoke.", [(ACTION, "Meanwhile, in the kitchen: smoke.")]),
    ("https://example.com/cat.gif", [(ACTION, "https://example.com/cat.gif")]),
    ('Maya: "You promised."', [("MAYA", '"You promised."')]),
    ("Maya and Jonas: NO!", [("MAYA AND JONAS", "NO!")]),
    ("Everyone: Surprise!", [("EVERYONE", "Surprise!")]),
    (
        "Voice on the radio: Tornado warning until nine.",
        [("VOICE ON THE RADIO", "Tornado warning until nine.")],
    ),
    ("Jonas (to Maya): don't look at me", [("JONAS", "(to Maya)", "don't look at me")]),
    ("Maya (crying) I can't", [("MAYA", "(crying)", "I can't")]),
    ("**Maya:** I'm fine.", [("MAYA", "I'm fine.")]),
    ("**MAYA**: fine.", [("MAYA", "fine.")]),
    ("Maya: *sighs* fine.", [("MAYA", "(sighs)", "fine.")]),
    ("Maya:hello?", [("MAYA", "hello?")]),
    ("Maya: i can't 😂", [("MAYA", "i can't 😂")]),
    ("Jonas: Meet me at 5:30.", [("JONAS", "Meet me at 5:30.")]),
    ("Jonas: here's the plan: we run.", [("JONAS", "here's the plan: we run.")]),
    ("there's only one way out: the window", [(ACTION, "there's only one way out: the window")]),
    ("One thing is clear: nobody is coming.", [(ACTION, "One thing is clear: nobody is coming.")]),
    ("Warning: do not feed the dragon", [(ACTION, "Warning: do not feed the dragon")]),
    ("Fade to black.", [(TRANSITION, "FADE TO BLACK.")]),
    ("SMASH CUT TO:", [(TRANSITION, "SMASH CUT TO:")]),
    ("The end.", [(ACTION, "The end.")]),
    ("Maya (O.S.): Is anybody there?", [("MAYA (O.S.)", "Is anybody there?")]),
    ("Maya (on the phone): hang on", [("MAYA", "(on the phone)", "hang on")]),
    ("MAYA\nWhere were you?", [("MAYA", "Where were you?")]),
    ("Maya\nWhere were you?", [("MAYA", "Where were you?")]),
    ("Act 2: the revenge", [(HEADING, "ACT 2: THE REVENGE")]),
    ("Scene: a dark forest", [(ACTION, "Scene: a dark forest")]),
    ("Sir Reginald: Unhand that scone!", [("SIR REGINALD", "Unhand that scone!")]),
    ("Dr. Vale: It's alive.", [("DR. VALE", "It's alive.")]),
    ("José: ¿Qué?", [("JOSÉ", "¿Qué?")]),
    ("Guard #2: who goes there", [("GUARD #2", "who goes there")]),
    ("Suddenly: a knock.", [(ACTION, "Suddenly: a knock.")]),
    (
        "Jonas (reading): Dear Sir: you are fired.",
        [("JONAS", "(reading)", "Dear Sir: you are fired.")],
    ),
    ("Maya & Jonas: RUN!", [("MAYA & JONAS", "RUN!")]),
    ("Chef (from the kitchen): table nine!", [("CHEF", "(from the kitchen)", "table nine!")]),
    ("The sign reads: NO DRAGONS.", [(ACTION, "The sign reads: NO DRAGONS.")]),
)
