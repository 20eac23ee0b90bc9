"""Make a corpus of the plays that Project Gutenberg prints: Fountain, one file for each work.

A text passes through these modules:

download, sources    fetch and read what was published
cleaning             leave out notes, page numbers and marks of the print
paragraphs           split it at blank lines
cues, speakers       find the names that open speeches: all that are possible, then the likely ones
cutting              cut the plays out of the book
conversion, script   write each play as Fountain
works                name the plays, and count what is doubtful
elements, copies     leave out what another work has, too
facets               tell old plays from modern ones
writing              write the files and the report
"""
