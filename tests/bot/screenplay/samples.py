"""A script, a Final Draft file, and nasty texts."""

from hypothesis import strategies as st

from bot.screenplay.fountain import parse_model_text

FRAGMENTS = [
    *"!#=~>@.^<()*_[]/\\:-'&,;?",
    *["/*", "*/", "[[", "]]", "===", "..", "...", "> ", " <", "@ ", "!!", "\\*", "\n", "\n\n", " "],
    *["\t", "INT. ", "ext ", "I/E.", "İnt. ", "e\u017ft. ", "EST", "CUT TO:", "TO:", "FADE IN:"],
    *["FADE OUT.", "cut to:", "MAYA", "Maya", "JO (V.O.)", "MAYA:", "(quietly)", "You came.", "O"],
    *["10:30", "http://x", "23", "茂", "É", "ß", "ǆ", "ª", "ŉ", "e\u0301\u0302\u0303", "\u0338"],
    *["\u200b", "\u200d", "\u202e", "\u3000", "👩\u200d🚀", "\u3164", "\ue700", "\ue701", "\r\n"],
    *["\x85", "\u2028", "\x00", "\uff1a", "[19:02] ", "क्\u200dष"],
]
ROWS = [
    *["INT. ROOF", "act one", ".the heath", "CUT TO:", "> CUT TO:", "fade out", "*cut to:*", "> x"],
    *["Lola: Wait.", "Lola:", "> Lola: No.", "lola (low): No.", "LOLA", "(low)", "She runs.", "!x"],
]
nasty = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join),
    st.lists(st.sampled_from(ROWS), max_size=6).map("\n".join),
    st.text(max_size=20),
    st.text(alphabet="AB. a!#=~>@\n()[/*]^:", max_size=16),
)

nasty_elements = st.lists(nasty, min_size=1, max_size=6).map(
    lambda texts: [element for text in texts if (element := parse_model_text(text))]
)

SCRIPT = """int. diner - night

Rain on the window. The neon sign *outside* says **OPEN**, though it is not, and has not been for \
as long as anybody here can remember.

MAYA (V.O.): (quietly) You came back. After all these years, and the letters that I wrote.

@McAvoy
(beat, then, since nobody in this whole diner looks at him)
To be,
or not to be

!INT. is short
for interior

cut to:

.the heath

First line.
Second line.

> FADE OUT."""

SPEAKERS_WHO_GO_ON = """INT. DINER - NIGHT

MAYA: You came.

MAYA: Say something.

Rain.

MAYA (V.O.): He never did.

JONAS: I did.

JONAS (cont'd)
Twice.

EXT. STREET - NIGHT

JONAS: Maya?"""

FDX = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE FinalDraft>
<FinalDraft DocumentType="Script" Version="5"><Content>
<Paragraph Type="Scene Heading" Number="1"><SceneProperties Length="1/8"><Summary><Paragraph>
<Text>A summary.</Text></Paragraph></Summary></SceneProperties><Text>INT. DINER</Text></Paragraph>
<Paragraph Type="Action"><ScriptNote><Paragraph><Text>Why?</Text></Paragraph></ScriptNote>
<Text>Rain </Text><Text Style="Bold+Italic">falls</Text><Text>.</Text></Paragraph>
<Paragraph Type="Parenthetical"><Text>alone</Text></Paragraph>
<Paragraph><DualDialogue>
<Paragraph Type="Character"><Text>MAYA</Text></Paragraph>
<Paragraph Type="Parenthetical"><Text>quietly</Text></Paragraph>
<Paragraph Type="Dialogue"><Text>You came.
Late.</Text></Paragraph>
<Paragraph Type="Character"><Text>JONAS?</Text></Paragraph>
<Paragraph Type="Dialogue"><Text># of times</Text></Paragraph>
</DualDialogue></Paragraph>
<Paragraph Type="Shot"><Text>MAYA</Text></Paragraph>
<Paragraph Type="Character"><Text>NOBODY</Text></Paragraph>
<Paragraph Type="Transition"><Text>FADE OUT.</Text></Paragraph>
<Paragraph Type="Action"><Text></Text></Paragraph>
</Content><TitlePage><Content><Paragraph><Text>  </Text></Paragraph>
<Paragraph Alignment="Center"><Text>The </Text><Text>Diner</Text></Paragraph></Content></TitlePage>
</FinalDraft>"""
