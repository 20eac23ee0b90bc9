"""Test how text is read as people type it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cleaning import clean
from bot.errors import RequestError
from bot.screenplay.elements import Element, Kind
from bot.screenplay.fountain import NAME_LIMIT, make_cue, parse_model_text
from bot.screenplay.free_text import (
    CAST_LIMIT,
    make_heading,
    parse_cast,
    parse_name,
    parse_person_text,
    reinterpret,
)
from bot.screenplay.speakers import find_meant

from .parsers import assert_one_element
from .samples import nasty


@given(
    nasty,
    st.sampled_from([None, "Maya", "茂", "est. Claire"]),
    st.sampled_from([(), ("MAYA", "AB", "O", "INT")]),
    st.sampled_from([None, "MAYA (V.O.)", "@茂"]),
)
def test_any_text_of_a_person_is_elements(
    text: str, character: str | None, names: tuple[str, ...], speaker: str | None
):
    try:
        elements = parse_person_text(text, character, names, speaker)
    except RequestError:
        assert parse_model_text(text) is None
        return
    for element in elements:
        assert_one_element(element)
        assert parse_person_text(element.text, names=names) == [element]
    if character is not None:
        assert elements[0].cue == parse_name(character)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("int. diner - night", ["INT. DINER - NIGHT"]),
        ("INT. DINER - NIGHT\nRain on the window.", ["INT. DINER - NIGHT", "Rain on the window."]),
        ("innen. küche - nacht", ["INT. KÜCHE - NACHT"]),
        ("Außen - Hof\n\nSchnitt auf:\n\nabblende", ["EXT. HOF", "> SCHNITT AUF:", "> ABBLENDE"]),
        ("Außen. Dach - Tag\nHelen: Ja", ["EXT. DACH - TAG", "HELEN\nJa"]),
        (".the heath", [".THE HEATH"]),
        ("CUT TO:", ["CUT TO:"]),
        ("smash cut to:", ["SMASH CUT TO:"]),
        ("Fade in:", ["> FADE IN:"]),
        ("FADE OUT", ["> FADE OUT"]),
        ("> FADE OUT.", ["> FADE OUT."]),
        ("CUT 2 TO:", ["> CUT 2 TO:"]),
        ("CUT TO: X", ["CUT TO: X"]),
        ("he wants to:", ["he wants to:"]),
        ("MAYA: Hello.", ["MAYA\nHello."]),
        ("MAYA:\nHello.", ["MAYA\nHello."]),
        ("MAYA (quietly): Hello.", ["MAYA\n(quietly)\nHello."]),
        ("dragon (softly): No.", ["DRAGON\n(softly)\nNo."]),
        ("the door (slowly): creak", ["the door (slowly): creak"]),
        ("note (to self): run", ["note (to self): run"]),
        ("MAYA (V.O.): (quietly) Hello.", ["MAYA (V.O.)\n(quietly)\nHello."]),
        ("MAYA: Hello.\nJO: Hey.\nYou.", ["MAYA\nHello.", "JO\nHey.\nYou."]),
        ("Lola: Wait.\nShe runs.", ["LOLA\nWait.", "She runs."]),
        ("Lola: wait\nlola slowly turns\nback", ["LOLA\nwait", "lola slowly turns\nback"]),
        (
            "Lola: No.\nNo!\nThe door opens.\nJo: Hm.",
            ["LOLA\nNo.\nNo!", "The door opens.", "JO\nHm."],
        ),
        ("Lola: Wait.\nShe knows him.", ["LOLA\nWait.\nShe knows him."]),
        ("Lola: Wait.\nHe gives you up.", ["LOLA\nWait.\nHe gives you up."]),
        ("Lola: Wait.\nHe's gone.", ["LOLA\nWait.\nHe's gone."]),
        ("Lola: Wait.\nHe runs?", ["LOLA\nWait.\nHe runs?"]),
        (
            "Lola: (low)\nHe runs.\n(loud)\nShe runs.\nHe falls.",
            ["LOLA\n(low)\nHe runs.\n(loud)\nShe runs.", "He falls."],
        ),
        (
            "Lola: Wait.\ncut to:\next. roof\nRain.",
            ["LOLA\nWait.", "CUT TO:", "EXT. ROOF", "Rain."],
        ),
        ("Rain.\nAct Two\nSun.\nFADE OUT", ["Rain.", ".ACT TWO", "Sun.", "> FADE OUT"]),
        ("Lola: It says:\n> Run, now\nSo run.", ["LOLA\nIt says:\n\\> Run, now\nSo run."]),
        ("Jo: x\n.45 caliber", ["JO\nx\n\\.45 caliber"]),
        (f"Jo: {'so ' * 20}in\nact 2, or not", [f"JO\n{'so ' * 20}in\nact 2, or not"]),
        ("main.py: bug", ["main.py: bug"]),
        ("a: run", ["a: run"]),
        ("Rain.\n> CUT TO:\nWind.", ["Rain.", "> CUT TO:", "Wind."]),
        ("Rain.\n> Run, now", ["Rain.\n!> Run, now"]),
        ("Lola:\nShe runs.", ["LOLA\nShe runs."]),
        ("LOLA\nWait.\nShe runs.", ["LOLA\nWait.\nShe runs."]),
        (f"Lola: {'so ' * 20}then\nhe runs", [f"LOLA\n{'so ' * 20}then\nhe runs"]),
        ("Rain.\nMAYA: Hello.", ["Rain.", "MAYA\nHello."]),
        ("Maya: Hello.", ["MAYA\nHello."]),
        ("Maya:  hello", ["MAYA\nhello"]),
        ("maya: Hello.\njo:hi", ["MAYA\nHello.", "JO\nhi"]),
        ("lol: no", ["lol: no"]),
        (
            f"Jo: {'so ' * 20}the sign said\nclosed: rain",
            [f"JO\n{'so ' * 20}the sign said\nclosed: rain"],
        ),
        (f"jo: {'so ' * 20}then\nkim: no\njo: ok", [f"JO\n{'so ' * 20}then\nkim: no", "JO\nok"]),
        ("kevins mom: no", ["kevins mom: no"]),
        ("@maya: Hello.", ["MAYA\nHello."]),
        ("Ludwig van Beethoven: What?", ["LUDWIG VAN BEETHOVEN\nWhat?"]),
        ("The Man With Hats: Me.", ["The Man With Hats: Me."]),
        ("Guard #2: Halt!\nMe: No.", ["GUARD #2\nHalt!", "ME\nNo."]),
        ("everyone: Surprise!", ["EVERYONE\nSurprise!"]),
        ("Later That Night: rain.", ["Later That Night: rain."]),
        ("Act One: rain", [".ACT ONE: RAIN"]),
        ("act one of the play", ["act one of the play"]),
        ("Day 2: rain.", ["Day 2: rain."]),
        ("Cut To: rain.", ["Cut To: rain."]),
        ("Match Cut: rain.", ["Match Cut: rain."]),
        ("LATER: rain.", ["LATER: rain."]),
        ("Dear Kevin: no.", ["Dear Kevin: no."]),
        ("Hey Maya: no.", ["Hey Maya: no."]),
        ("Https: no.", ["Https: no."]),
        ('"Maya: Hello."', ["MAYA\nHello."]),
        ('"Rain", said Maya: "no."', ['"Rain", said Maya: "no."']),
        ("Int: diner", ["INT. DINER"]),
        ("Fun :) and games:D", ["Fun :) and games:D"]),
        ("Wow :wave:", ["Wow :wave:"]),
        ("- Maya: a rope\n- Jo: soup", ["- Maya: a rope\n- Jo: soup"]),
        ("Maya & Jonas: RUN!", ["MAYA & JONAS\nRUN!"]),
        ("Kevin:what 😂", ["KEVIN\nwhat 😂"]),
        ("Kevin: :)", ["KEVIN\n:)"]),
        ("Kevin: (1) run (2) hide", ["KEVIN\n(1) run (2) hide"]),
        ("Helen: https://a.b/c at 12:30", ["HELEN\nhttps://a.b/c at 12:30"]),
        ("**Maya:** fine.", ["MAYA\nfine."]),
        ("**MAYA**: fine.", ["MAYA\nfine."]),
        ("**INT. BAR**\n\n**MAYA** (low)\nHi.", ["INT. BAR", "MAYA (low)\nHi."]),
        ("## Scene 2: Bar\n\n# Rain", [".SCENE 2: BAR", "!# Rain"]),
        ("**STOP**", ["**STOP**"]),
        (
            "INT. BAR\n\nMAYA\n\n(low)\n\nHi.\n\nJo waves.\n\nJO\n\nHey.\n\nMAYA (O.S.)\n\nOh.",
            [
                *("INT. BAR", "MAYA\n(low)\nHi.", "Jo waves.", "JO\nHey.", "MAYA (O.S.)\nOh."),
            ],
        ),
        ("Maya:\n\nHi.\n\n**Jo:**\n\nHey.\n\nJo:\n\nOh.", ["MAYA\nHi.", "JO\nHey.", "JO\nOh."]),
        (
            "THE BAR\n\nJo: Hi.\n\nTHE SEA\n\nJo: Oh.\n\nTHE BAR\n\nRain.",
            ["THE BAR", "JO\nHi.", "THE SEA", "JO\nOh.", "THE BAR", "Rain."],
        ),
        (
            "WAR\n\nIt rains.\n\nNO\n\nIt snows.\n\nNO",
            ["WAR", "It rains.", "NO", "It snows.", "NO"],
        ),
        # A title and captions are too few to be cues.
        ("\n\n".join(tale := [*["BOOM", "Dusk."] * 2, "HA", *["It rains."] * 14]), tale),
        ("BANG\n\nDark.\n\nSNAP\n\nNo.", ["BANG", "Dark.", "SNAP", "No."]),
        ("BANG\n\nJO\nNo.\n\nBOO\n\nDark.\n\nBANG", ["BANG", "JO\nNo.", "BOO", "Dark.", "BANG"]),
        ("_The lights go out._", ["The lights go out."]),
        ("ext roof, rain", ["EXT ROOF, RAIN"]),
        ("fade to black", ["> FADE TO BLACK"]),
        ("*She waves.*", ["She waves."]),
        ("*Maya: hello*", ["!Maya: hello"]),
        ("*int. diner*", ["!int. diner"]),
        ("**bold**", ["**bold**"]),
        ("Maya:\n*waves*", ["MAYA\n(waves)"]),
        ("Maya: [waves]", ["MAYA\n(waves)"]),
        ("Maya: [waves] Hello.\n[A bell.]\nWind.", ["MAYA\n(waves)\nHello.", "A bell.\nWind."]),
        (
            "Maya: (low)\n[to Jo]\nYou.\n[beat]\nJo: I?",
            ["MAYA\n(low)\n[to Jo]\nYou.", "beat", "JO\nI?"],
        ),
        *(
            (f"Maya: {said}", [f"MAYA\n{said}"])
            for said in ("[he] was there.", "[They're] here.", "[the man] left.", "[Jo Lee] is it.")
        ),
        ("Maya: [sighs] he was there.", ["MAYA\n(sighs)\nhe was there."]),
        ("[Maya: hello]", ["!Maya: hello"]),
        ("Maya: [1] a [REDACTED]\nJo: [a](b.c) no", ["MAYA\n[1] a [REDACTED]", "JO\n[a](b.c) no"]),
        ("[REDACTED]", ["[REDACTED]"]),
        ("Maya: Hello.\n*She waves.*\nJo: Hey.", ["MAYA\nHello.", "She waves.", "JO\nHey."]),
        ("MAYA\nHello.\n*She waves.*", ["MAYA\nHello.\n*She waves.*"]),
        ("MAYA: *Never* again.", ["MAYA\n*Never* again."]),
        ("@茂: 来たか", ["@茂\n来たか"]),
        ("> Ruth: No.\n> She runs.\n> Jo: Hey.", ["RUTH\nNo.", "She runs.", "JO\nHey."]),
        (">>> **Ruth:** No.\nNo!", ["RUTH\nNo.\nNo!"]),
        ("> Ruth: No. <", ["!> Ruth: No. <"]),
        ("> SMASH CUT: THE ROOF", ["> SMASH CUT: THE ROOF"]),
        ("> RUTH:", ["> RUTH:"]),
        ("[19:02] maya: Hello.\n[19:03] Jonas: Hey.", ["MAYA\nHello.", "JONAS\nHey."]),
        ("> [7:02 PM]Maya: Hello.", ["MAYA\nHello."]),
        ("[1.12.26, 19:02:11] Maya: Hello.", ["MAYA\nHello."]),
        ("19:02 - Maya: Hello.\n7:03 pm Jo: Hey.", ["MAYA\nHello.", "JO\nHey."]),
        ("3/12/26, 7:04 PM - Jo Day: Hey.\n12.03.26, 19:04 - Al: Hi.", ["JO DAY\nHey.", "AL\nHi."]),
        (
            "Maya — Today at 7:02 PM\nOh.\nNo.\nJo — 12.03.26, 19:02\nHi.",
            ["MAYA\nOh.\nNo.", "JO\nHi."],
        ),
        ("Maya — 1/2/2026 7:02 PM\n\nOh.\n\nJo — 7:04 PM\nHi.", ["MAYA\nOh.", "JO\nHi."]),
        ("Maya\n — \n7:02 PM\nOh.\nJo\n — \n7:04 PM\nHi.", ["MAYA\nOh.", "JO\nHi."]),
        ("Maya — 03/12/2024, 19:05\n\nOh.", ["Maya — 03/12/2024, 19:05", "Oh."]),
        (
            "ROME — 7:02 PM\n\nSun.\n\nBONN — 8:02 PM\n\nIce.",
            ["ROME — 7:02 PM", "Sun.", "BONN — 8:02 PM", "Ice."],
        ),
        (
            "maya.x_9 — 7:02 PM\nOh. (edited)\n[7:03 PM]\nNo.\nJo — 7:04 PM\nHi.",
            ["MAYA.X_9\nOh.\nNo.", "JO\nHi."],
        ),
        ("Maya  7:02 PM\nOh.\n\nJo  7:04 PM\nHi.", ["MAYA\nOh.", "JO\nHi."]),
        ("Rome  7:02\nRain.", ["Rome  7:02\nRain."]),
        ("Maya, [3.12.2026 19:02]\nOh.\n\nJo, [3.12.2026 19:04]\nHi.", ["MAYA\nOh.", "JO\nHi."]),
        ("00:01:02 Maya: Oh.\n(1:02) Jo: Hi.", ["MAYA\nOh.", "JO\nHi."]),
        ("<Maya> Oh.\n[19:02] <jo> Hi.\n<@12> No.", ["MAYA\nOh.", "JO\nHi.\n<@12> No."]),
        ("🐸 Maya: Oh.\nJo 🎉: Hi.", ["MAYA\nOh.", "JO\nHi."]),
        ("[19:02] ~ jo: Hi.\n🐸 note: x", ["JO\nHi.\n🐸 note: x"]),
        ("1. MAYA: Oh.\n2. JO: Hi.\n3. Kim: x", ["MAYA\nOh.", "JO\nHi.\n3. Kim: x"]),
        ("INT. BAR — TODAY AT 7:02 PM", ["INT. BAR — TODAY AT 7:02 PM"]),
        ("LONDON — 03/12/2024, 19:05", ["LONDON — 03/12/2024, 19:05"]),
        ("The train — 19:02\nWind.", ["The train — 19:02\nWind."]),
        ("12:30 Lunch: soup", ["12:30 Lunch: soup"]),
        ("*\u0301*", ["*\u0301*"]),
        ("[19:02] Note: rope", ["[19:02] Note: rope"]),
        ("[19:02] INT. ROOF: rain", ["[19:02] INT. ROOF: rain"]),
        ("[19:02] The bell rings.", ["[19:02] The bell rings."]),
        ("10:30", ["10:30"]),
        ("AT 10:30 WE GO", ["AT 10:30 WE GO"]),
        ("HTTP://EXAMPLE.ORG", ["HTTP://EXAMPLE.ORG"]),
        ("SUPER: London, 1601", ["SUPER: London, 1601"]),
        ("STOP! LISTEN: rain.", ["STOP! LISTEN: rain."]),
        ("MAYA\nTo be,\nor not", ["MAYA\nTo be,\nor not"]),
        ("MAYA ^\nHello.", ["MAYA\nHello."]),
        ("STOP! STOP!\nHe runs.", ["!STOP! STOP!\nHe runs."]),
        ("Rain.\n\n\n  \nMAYA: Hello.", ["Rain.", "MAYA\nHello."]),
        ("Rain.  \r\n   Wind.", ["Rain.\nWind."]),
        ("!MAYA: Hello.", ["!MAYA: Hello."]),
        ("# ACT", ["!# ACT"]),
        ("===", ["!==="]),
        ("> THE END <", ["!> THE END <"]),
        ("~la la", ["!~la la"]),
        ("wait [[what]] /* why */", [r"wait [\[what]] /\* why */"]),
        ("MAYA\n#yes\n.5 of it\n...\n!", ["MAYA\n\\#yes\n\\.5 of it\n...\n\\!"]),
    ],
)
def test_text_of_a_person(text: str, stored: list[str]):
    elements = parse_person_text(text)
    assert [element.text for element in elements] == stored
    for element in elements:
        assert_one_element(element)
        assert parse_person_text(element.text) == [element]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Hello.", ["MAYA\nHello."]),
        ("(quietly) Hello.", ["MAYA\n(quietly)\nHello."]),
        ("INT. DINER", ["MAYA\nINT. DINER"]),
        ("#tag\nand on", ["MAYA\n\\#tag\nand on"]),
        ("Hello.\n\nAre you there?", ["MAYA\nHello.", "MAYA\nAre you there?"]),
        ("Hello.\n\n!She waits.\n\nCUT TO:", ["MAYA\nHello.", "!She waits.", "CUT TO:"]),
        ("Hello.\n\nJO: Hey.", ["MAYA\nHello.", "JO\nHey."]),
        ("Hello.\nJO: Hey.", ["MAYA\nHello.", "JO\nHey."]),
        ("She runs.\nShe runs.", ["MAYA\nShe runs.", "She runs."]),
        ("Hello.\n\nMaya waits.", ["MAYA\nHello.", "Maya waits."]),
        ("(softly)\nHe bows.", ["MAYA\n(softly)\nHe bows."]),
        ("Hello.\n\n*She waits*", ["MAYA\nHello.", "She waits"]),
    ],
)
def test_text_of_a_person_for_a_character(text: str, stored: list[str]):
    assert [element.text for element in parse_person_text(text, "  maya:")] == stored


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Goodbye.", ["MAYA (V.O.)\nGoodbye."]),
        ("(softly) Goodbye.\nYou.", ["MAYA (V.O.)\n(softly)\nGoodbye.\nYou."]),
        ("She runs.", ["MAYA (V.O.)\nShe runs."]),
        ("(softly)\nHe bows.", ["MAYA (V.O.)\n(softly)\nHe bows."]),
        ("No.\nShe runs.\n\nYes.", ["MAYA (V.O.)\nNo.", "She runs.", "MAYA (V.O.)\nYes."]),
        ("No.\nJO: Yes.", ["MAYA (V.O.)\nNo.", "JO\nYes."]),
        ("MAYA\nNo.", ["MAYA\nNo."]),
        ("*She runs.*", ["She runs."]),
        ("!She runs.", ["!She runs."]),
        ("int. diner", ["INT. DINER"]),
    ],
)
def test_rewritten_speech_keeps_its_speaker(text: str, stored: list[str]):
    elements = parse_person_text(text, speaker="MAYA (V.O.)")
    assert [element.text for element in elements] == stored


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("maya: Hello.", ["MAYA\nHello."]),
        ("zoe: Hello.", ["ZOË\nHello."]),
        ("mcavoy (v.o.): Hello.", ["@McAvoy (V.O.)\nHello."]),
        ("maya\n(quietly) Hello.", ["MAYA\n(quietly)\nHello."]),
        ("maya", ["maya"]),
        ("note: Hello.", ["NOTE\nHello."]),
        ("goose: Honk.", ["THE GOOSE\nHonk."]),
        ("GOOSE: Honk.", ["GOOSE\nHonk."]),
        ("maya:12:30", ["maya:12:30"]),
        ("🐉 maya: hello", ["MAYA\nhello"]),
        ("jean luc: engage!", ["JEAN-LUC\nengage!"]),
        ("mrs o’brien (sadly) : no", ["MRS. O'BRIEN\n(sadly)\nno"]),
        ("*maya: waves*", ["!maya: waves"]),
        ("maya :) hello", ["maya :) hello"]),
        ("She says to maya: Hello.", ["She says to maya: Hello."]),
        ("!maya: Hello.", ["!maya: Hello."]),
    ],
)
def test_the_script_knows_names_in_any_case(text: str, stored: list[str]):
    names = ["MAYA", "ZOË", "ZOE'S", "McAvoy", "NOTE", "JEAN-LUC", "MRS. O'BRIEN", "THE GOOSE"]
    assert [element.text for element in parse_person_text(text, names=names)] == stored
    assert parse_person_text("Hello.", "Goose", names)[0].cue == "GOOSE"
    assert parse_person_text("Hello.", "zoë", ["ZOE", "ZOË"])[0].cue == "ZOË"
    assert parse_person_text("Hello.", "Zo-e", ["ZOE", "ZOË"])[0].cue == "ZOE"


@pytest.mark.parametrize(
    ("speech", "action"),
    [
        ("KEVIN\nHi.", "!Kevin: Hi."),
        (
            "OLD JEAN-LUC (V.O.)\n(softly)\n*Hi*.\nYou.",
            "!Old Jean-Luc (V.O.) (softly): *Hi*.\nYou.",
        ),
        ("THE 2ND O'HARA\n(waves)", "!The 2nd O'hara: (waves)"),
        ("KEVIN\n\\#yes\n\\!no [\\[x]]", "!Kevin: #yes\n!no [\\[x]]"),
    ],
)
def test_speech_becomes_action_and_speech_again(speech: str, action: str):
    element = reinterpret(Element(Kind.DIALOGUE, speech))
    assert element == Element(Kind.ACTION, action)
    assert parse_person_text(action) == [element]


@pytest.mark.parametrize(
    ("action", "speech"),
    [
        ("kevin: hi", "KEVIN\nhi"),
        ("> kevin: hi", "KEVIN\nhi"),
        ("[19:02] the man: hi", "THE MAN\nhi"),
        ("!Plot Twist: hi\nthere", "PLOT TWIST\nhi\nthere"),
        ("Note (softly): hi", "NOTE\n(softly)\nhi"),
        ("> CUT TO: Maya", None),
        ("kevin:", None),
        ("She looks at the sign: hi", None),
        ("12:30", None),
        ("Hello :)", None),
        ("Hello, you: hi", None),
    ],
)
def test_action_becomes_speech(action: str, speech: str | None):
    element = reinterpret(parse_model_text(action))
    assert element == (speech and Element(Kind.DIALOGUE, speech))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *((typed, "RITA") for typed in ("RIA", "RIITA", "RITO", "IRTA", "RIAT", "RITAS", "ITA")),
        *(
            (typed, "")
            for typed in ("RAT", "TIM", "GUARD 2", "GUARD B", "RITAAS", "OLD WOMAN", "MRS LEE")
        ),
    ],
)
def test_a_slip_of_the_finger_is_near_a_name(typed: str, meant: str):
    assert find_meant(typed, ["TOM", "GUARD 1", "GUARD A", "OLD MAN", "RITA", "MR LEE"]) == meant


@given(nasty)
def test_any_reinterpreted_element_is_one(text: str):
    try:
        elements = parse_person_text(text)
    except RequestError:
        return
    for element in filter(None, map(reinterpret, elements)):
        assert_one_element(element)
        assert parse_person_text(element.text) == [element]


def test_one_block_may_have_thousands_of_speeches():
    assert len(parse_person_text("A:b\n" * 2000)) == 2000


@pytest.mark.parametrize("text", ["", " \n\t\n", "\u200b\u202e\u3164", "\u0301"])
def test_blank_text_is_refused(text: str):
    assert parse_model_text(text) is None
    with pytest.raises(RequestError, match="text is empty"):
        parse_person_text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" mc  avoy ", "MC AVOY"),
        ("@McAvoy:", "MCAVOY"),
        ("Maya (V.O.)", "MAYA"),
        ("o'brien", "O'BRIEN"),
        ("[maya] 🦊", "MAYA"),
        ("#!. dealer #2", "DEALER #2"),
        ("茂", "茂"),
        ("émile", "ÉMILE"),
        ("jo*\u0338", "JO"),
    ],
)
def test_a_name_is_cleaned(text: str, expected: str):
    assert parse_name(text) == expected


@pytest.mark.parametrize("text", ["", "23", "()", "🦊", "a\nb", "x" * (NAME_LIMIT + 1), "ß" * 21])
def test_text_without_a_name_is_refused(text: str):
    with pytest.raises(RequestError, match=r"character's name .+\.$"):
        parse_name(text)


@given(nasty)
def test_any_name_is_a_cue(text: str):
    try:
        named = parse_name(text)
    except RequestError:
        return
    assert parse_name(named) == named
    assert_one_element(Element(Kind.DIALOGUE, f"{make_cue(named)}\nHello."))
    assert parse_person_text("Hello.", named)[0].cue == named


def test_a_cast_has_each_name_once_and_a_limit():
    assert parse_cast("maya, Jo,\nMAYA, ,茂") == ("MAYA", "JO", "茂")
    assert parse_cast(" ") == ()
    letters = ",".join(chr(ord("A") + at) for at in range(CAST_LIMIT))
    assert len(parse_cast(letters)) == CAST_LIMIT
    with pytest.raises(RequestError, match="at most"):
        parse_cast(f"{letters},ZZ")


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("int. diner - night", "INT. DINER - NIGHT"),
        (".int. diner", "INT. DINER"),
        ("Innen. Küche - Tag", "INT. KÜCHE - TAG"),
        ("...the\n\nheath", ".THE HEATH"),
        ("🌲 forest [[x]]", r".FOREST [\[X]]"),
    ],
)
def test_a_heading_is_forced_where_needed(text: str, stored: str):
    assert make_heading(text) == Element(Kind.HEADING, stored)


@given(nasty)
def test_any_heading_is_one_element(text: str):
    try:
        element = make_heading(text)
    except RequestError:
        assert not any(map(str.isalnum, clean(text)))
    else:
        assert_one_element(element)
        assert make_heading(element.text) == element
