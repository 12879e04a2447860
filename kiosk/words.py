r"""The words on the screen: one table from a key to an English text, which gettext turns into the visitor's language.

The server sends codes, the page puts words to them (`static/answers.js`). Keys that end in a code of the API are made
of a prefix and that code: ``guidance_come_closer``, ``where_top_left``. The English texts are the msgids of
``translations/messages.pot``; placeholders stand in braces and are filled in by the page.

After a change, in the folder of the repository::

    pybabel extract -F kiosk/babel.cfg -k _ --no-location --no-wrap --omit-header --add-comments=Translators: \
        --strip-comment-tags -o kiosk/translations/messages.pot .
    pybabel update --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date \
        -i kiosk/translations/messages.pot -d kiosk/translations
    pybabel compile -d kiosk/translations  # once what is new is translated
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _

LANGUAGES = {
    "en": "English",
    "fr": "Français",
    "de": "Deutsch",
    "es": "Español",
    "it": "Italiano",
    "nl": "Nederlands",
    "ja": "日本語",
    "zh": "中文",
    "ar": "العربية",
}
"""The languages of the screen by code, named in themselves, in the order that visitors see."""

# What browsers want to know beyond our code: simplified characters are other glyphs of the same fonts.
_TAGS = {"zh": "zh-Hans"}

_RIGHT_TO_LEFT = frozenset({"ar"})

WORDS = {
    # --- the label: a line, the style in large letters below it, how sure, and why
    # Translators: On a line of its own above the name of a style, e.g. "Impressionism".
    "this_looks_like": _("This looks like"),
    # Translators: On a line of its own above the name of a style: no painting was found, the middle was judged.
    "centre_looks_like": _("The middle of my view looks like"),
    # Translators: On a line of its own above the name of a style: no painting was found in a visitor's picture.
    "whole_looks_like": _("The whole picture looks like"),
    "sure_5": _("Almost certain"),
    "sure_4": _("Quite sure"),
    "sure_3": _("Fairly sure"),
    "sure_2": _("Leaning this way"),
    "sure_1": _("Only a guess"),
    # Translators: A heading; three other styles with their shares follow.
    "could_be": _("It could also have been"),
    # Translators: Which part of the painting spoke most for the style. What to look for there follows.
    "where_top_left": _("Look first at the upper left."),
    "where_top": _("Look first at the upper part."),
    "where_top_right": _("Look first at the upper right."),
    "where_left": _("Look first at the left side."),
    "where_centre": _("Look first at the middle."),
    "where_right": _("Look first at the right side."),
    "where_bottom_left": _("Look first at the lower left."),
    "where_bottom": _("Look first at the lower part."),
    "where_bottom_right": _("Look first at the lower right."),
    "where_everywhere": _("Look across the whole picture."),
    # --- what else can be said of a picture
    "looked_closely": _("I have looked closely"),
    "centre_looked": _("I have looked at the middle of my view"),
    "whole_looked": _("I have looked at the whole picture"),
    "looking": _("I am looking"),
    "sorry": _("I am sorry"),
    "one_moment": _("One moment, please"),
    "unknown_style": _("None of the styles I know"),
    # Translators: {styles} is a list such as "Impressionism, Cubism and Pop Art".
    "unknown_style_note": _(
        "I have learned {styles}. Most of painting is something else, and the label on the wall knows more than I do."
    ),
    "no_painting": _("No painting in view"),
    "too_dark": _("It is too dark for me"),
    "too_dark_note": _("A little more light on the painting, and I will try again."),
    "too_blurred": _("The picture is blurred"),
    "too_blurred_note": _("A quiet moment is all I need."),
    "covered": _("Something covers my lens"),
    "covered_note": _("Or there is no light here at all. As soon as I can see again, I will look."),
    "model_fault": _("I cannot think just now"),
    "model_fault_note": _("Something inside me does not work. Please tell someone who works here."),
    "greeting": _("Good day"),
    "waking": _("I am just waking up. In a moment I will be ready."),
    "opening": _("I am opening my eyes."),
    "let_me_look": _("Let me look"),
    # --- what would help (codes of the API); the kiosk speaks as if it were carried, "me" is its camera
    "guidance_show_painting": _("Show me one whole painting, with a little of the wall around it."),
    "guidance_come_closer": _("Bring me a little closer, please."),
    "guidance_step_back": _("Take me a step back, please: I cannot see all of it."),
    "guidance_step_left": _("Move me a little to the left, please."),
    "guidance_step_right": _("Move me a little to the right, please."),
    "guidance_tilt_up": _("Point me a little higher, please."),
    "guidance_tilt_down": _("Point me a little lower, please."),
    "guidance_hold_still": _("Hold me still for a moment, please."),
    "guidance_more_light": _("A little more light on the painting would help."),
    "guidance_less_glare": _("A lamp is mirrored in the painting. Try another angle."),
    # --- the same where the kiosk hangs on a wall and sees who stands before it with a painting in hand
    "wall_come_closer": _("Bring the painting a little closer, please."),
    "wall_step_back": _("Hold the painting a little further away, please: I cannot see all of it."),
    # Translators: The left hand of the visitor, who faces the screen.
    "wall_step_left": _("Move the painting a little to your left, please."),
    "wall_step_right": _("Move the painting a little to your right, please."),
    "wall_tilt_up": _("Hold the painting a little lower, please."),
    "wall_tilt_down": _("Hold the painting a little higher, please."),
    "wall_hold_still": _("Hold the painting still for a moment, please."),
    # --- the camera
    "searching_over": _("The wall is empty"),
    "searching": _("No camera is connected"),
    "searching_note": _("I keep looking for a camera."),
    "recovering": _("I have lost my view"),
    "recovering_note": _("I am trying to get it back."),
    "failed_over": _("I keep trying"),
    "failed": _("My camera needs help"),
    "failed_note": _("Please tell someone who works here."),
    # Translators: After "I keep looking for a camera." or "Please tell someone who works here."
    "until_then": _("Until then you can show me a picture of your own."),
    "fault_stream_lost": _("The connection to the camera is broken."),
    "fault_busy": _("Something else is using the camera."),
    "fault_not_permitted": _("I am not allowed to use the camera."),
    "fault_unreadable": _("I cannot read what I was given to look at."),
    "fault_no_frames": _("The camera is there, but it sends no picture."),
    "fault_hung": _("The camera has gone silent."),
    "fault_frozen": _("The camera shows the same moment again and again."),
    "fault_corrupt": _("The camera’s picture arrives in pieces."),
    "fault_crashed": _("The camera has stumbled."),
    # --- a visitor's own picture, and what can go wrong with it
    "brought_no_painting": _("I see no painting in it"),
    "brought_note": _("Please try another picture, one that shows a whole painting clearly."),
    "unreadable": _("I could not read that picture"),
    "unreadable_note": _("The file may be damaged or incomplete. Please try another one."),
    "no_image": _("That file is empty"),
    "no_image_note": _("Please choose another file."),
    "too_large": _("That picture is too large"),
    "too_large_note": _("Please try a smaller copy of it."),
    "other_type": _("That is not a picture I can read"),
    "other_type_note": _("Please choose a JPEG, PNG or WebP file."),
    "asleep": _("I am not quite awake"),
    "asleep_note": _("Please try again in a moment."),
    "busy": _("One at a time, please"),
    "busy_note": _("Other visitors are showing me pictures. Please try again in a moment."),
    "network": _("I lost the connection"),
    "network_note": _("Vernissage does not answer. Please try again in a moment."),
    "no_camera": _("I may not use that camera"),
    "no_camera_note": _("This browser did not let me. You can still choose a picture instead."),
    "wrong": _("Something went wrong"),
    "wrong_note": _("It is not your picture, it is me. Please try again in a moment."),
    # --- buttons
    # Translators: A button; it shows on the painting where the kiosk sees the style.
    "show_where": _("Show me where"),
    "show_picture": _("Show a picture"),
    "own_camera": _("This device’s camera"),
    "back_to_camera": _("Back to the camera"),
    "back": _("Back"),
    "close": _("Close"),
    "take_along": _("Take it with you"),
    "take_along_note": _("Point your phone’s camera at the square: it opens a page about this style."),
    # Translators: For those who cannot see the square (a QR code) on the screen.
    "take_along_square": _("QR code with the address of the page"),
    "language": _("Language"),
    # Translators: A button and the heading of what it opens: larger text, contrast, motion, speech.
    "reading": _("Easier to read"),
    "larger_text": _("Larger text"),
    "more_contrast": _("Stronger contrast"),
    "less_motion": _("Less motion"),
    "read_aloud": _("Read the answers aloud"),
    # Translators: Below the button "Read the answers aloud", which cannot be used then.
    "no_voice": _("I have no voice for this language here."),
    # --- the evidence on the painting
    # Translators: Beside a scale from "less" to "more".
    "evidence": _("Where I see it"),
    "less": _("less"),
    "more": _("more"),
    # --- nobody there
    # Translators: The large invitation on the screen that waits for visitors.
    "attract": _("Which style is it?"),
    "attract_note": _("Show me a painting, and I will tell you what I see in it."),
    "attract_touch": _("Touch the screen to begin"),
    "still_there": _("Are you still there?"),
    # Translators: {seconds} is a number.
    "still_there_note": _("Otherwise I begin again for the next visitor. Seconds left: {seconds}"),
    "still_here": _("Yes, I am still here"),
    "begin_again": _("No, begin again"),
    "thanks": _("Thank you for looking"),
    "thanks_note": _("Nothing of your visit is kept."),
    # --- around it all, and for those who hear the page
    "description": _("Tells which style the painting in front of the camera belongs to."),
    "picture": _("Picture"),
    "label": _("Label"),
    "controls": _("Controls"),
    "live_picture": _("Live picture from the camera"),
    "own_picture": _("Live picture from this device’s camera"),
    "chosen_picture": _("The picture you chose"),
    "picture_to_look_at": _("Picture to look at"),
    "drop_here": _("Drop a picture here"),
    "let_go": _("Let go, and I will look at it"),
    "drawn": _("Drawn for demonstration"),
    "reconnecting": _("Reconnecting"),
    "not_kept": _("No picture is kept"),
    "needs_javascript": _("This page needs JavaScript to show the answers."),
    # --- the page about a style that a visitor takes along
    "years": _("When and where"),
    "look_for": _("What to look for"),
    "other_styles": _("Other styles that Vernissage knows"),
    "from_kiosk": _("A page to take along from Vernissage."),
    # --- the page where there is none
    "not_found": _("This page does not exist"),
    "not_found_note": _("The address may be mistyped, or the page is no longer there."),
    "not_shown_note": _("This page cannot be shown just now. Please try again in a moment."),
    # Translators: A link to the start page.
    "home": _("Go to Vernissage"),
}
"""The text of every key, in the language of the request."""


def tag(language: str) -> str:
    """The BCP 47 tag of a language: what stands in ``lang`` of the page."""
    return _TAGS.get(language, language)


def direction(language: str) -> str:
    """``ltr`` or ``rtl``."""
    return "rtl" if language in _RIGHT_TO_LEFT else "ltr"


def words() -> dict[str, str]:
    """All words in the language of the request; for the page as JSON."""
    return {key: str(text) for key, text in WORDS.items()}
