"""The irregular verbs and plurals of English, as grammars list them, and plurals that only look like -y."""

from __future__ import annotations

__all__ = ["BASE_FORMS"]

# Left out: forms that are as common as another word ("rose", "wound", "bound", "lives", "leaves", "lay" of "lie").
_INFLECTIONS = """
agree agreed|arise arose arisen|awake awoke awoken|beat beaten|become became|begin began begun|bend bent
bite bit bitten|bleed bled|blow blew blown|break broke broken|breed bred|bring brought|build built|burn burnt
buy bought|catch caught|choose chose chosen|cling clung|come came|creep crept|deal dealt|dig dug|draw drew drawn
dream dreamt|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt|fight fought
find found|flee fled|fly flew flown|forbid forbade forbidden|forget forgot forgotten|forgive forgave forgiven
free freed|freeze froze frozen|get got gotten|give gave given|go goes went gone|grow grew grown|hang hung
hear heard|hide hid hidden|hold held|keep kept|kneel knelt|know knew known|lay laid|lead led|leap leapt
learn learnt|leave left|lend lent|light lit|lose lost|make made|mean meant|meet met|mistake mistook mistaken
pay paid|prove proven|ride rode ridden|ring rang rung|rise risen|run ran|say said|see saw seen|seek sought
sell sold|send sent|sew sewn|shake shook shaken|shine shone|shoot shot|show shown|shrink shrank shrunk
sing sang sung|sink sank sunk|sit sat|sleep slept|slide slid|smell smelt|speak spoke spoken|spend spent
spill spilt|spin spun|spring sprang sprung|stand stood|steal stole stolen|stick stuck|sting stung|strike struck
swear swore sworn|sweep swept|swell swollen|swim swam swum|swing swung|take took taken|teach taught
tear tore torn|tell told|think thought|throw threw thrown|understand understood|wake woke woken|wear wore worn
weave wove woven|weep wept|win won|withdraw withdrew withdrawn|write wrote written
auntie aunties|birdie birdies|brownie brownies|budgie budgies|calorie calories|collie collies|cookie cookies
foodie foodies|genie genies|goalie goalies|hippie hippies|hoodie hoodies|movie movies|prairie prairies|rookie rookies
selfie selfies|smoothie smoothies|veggie veggies|zombie zombies
bus buses|calf calves|child children|foot feet|gas gases|goose geese|half halves|knife knives|loaf loaves
man men|mouse mice|person people|shelf shelves|thief thieves|tooth teeth|wife wives|wolf wolves|woman women
"""

BASE_FORMS: dict[str, str] = {
    form: base
    for base, *forms in (group.split() for group in _INFLECTIONS.replace("\n", "|").split("|") if group)
    for form in forms
}
"""Irregular form to base form, as in `{"went": "go"}`."""
