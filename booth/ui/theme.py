"""The look of the booth: curtain red on cream, and the little scripts that go with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

STYLE = Path(__file__).with_name("style.css")

_RED = gr.themes.Color(
    name="curtain",
    c50="#fdf1f2",
    c100="#fbdfe2",
    c200="#f6bfc5",
    c300="#ee949d",
    c400="#e26370",
    c500="#cc3f50",
    c600="#b4233c",
    c700="#9c1c33",
    c800="#7f1a2c",
    c900="#661827",
    c950="#3a0a13",
)
_PAPER = gr.themes.Color(
    name="paper",
    c50="#fffaf5",
    c100="#f8efe5",
    c200="#ecdfd1",
    c300="#d9c8b7",
    c400="#b8a99b",
    c500="#8a7a6d",
    c600="#6b5b4e",
    c700="#4c3e34",
    c800="#33281f",
    c900="#241b15",
    c950="#17120f",
)
_SYSTEM = ("ui-rounded", "Nunito", "Segoe UI", "system-ui", "sans-serif")

_LIGHT: dict[str, Any] = {
    "body_background_fill": "#fffaf5",
    "body_text_color": "#2b2118",
    "body_text_color_subdued": "#6b5b4e",
    "background_fill_primary": "#ffffff",
    "background_fill_secondary": "#fff5ea",
    "block_background_fill": "#ffffff",
    "block_border_color": "#ecdfd1",
    "block_label_text_color": "#6b5b4e",
    "block_title_text_color": "#2b2118",
    "block_info_text_color": "#6b5b4e",
    "border_color_primary": "#d9c8b7",
    "input_background_fill": "#ffffff",
    "input_border_color": "#8a7a6d",
    "input_placeholder_color": "#6b5b4e",
    "button_primary_background_fill": "#b4233c",
    "button_primary_background_fill_hover": "#9c1c33",
    "button_primary_text_color": "#ffffff",
    "button_secondary_background_fill": "#fff5ea",
    "button_secondary_background_fill_hover": "#f8e6d3",
    "button_secondary_text_color": "#2b2118",
    "button_secondary_border_color": "#8a7a6d",
    "button_cancel_background_fill": "#ffffff",
    "button_cancel_background_fill_hover": "#fdf1f2",
    "button_cancel_text_color": "#9c1c33",
    "button_cancel_border_color": "#9c1c33",
    "link_text_color": "#9c1c33",
    "slider_color": "#b4233c",
}
_DARK: dict[str, Any] = {
    "body_background_fill": "#17120f",
    "body_text_color": "#f6ede3",
    "body_text_color_subdued": "#b8a99b",
    "background_fill_primary": "#211a16",
    "background_fill_secondary": "#2a211b",
    "block_background_fill": "#211a16",
    "block_border_color": "#3d3129",
    "block_label_text_color": "#b8a99b",
    "block_title_text_color": "#f6ede3",
    "block_info_text_color": "#b8a99b",
    "border_color_primary": "#4c3e34",
    "input_background_fill": "#17120f",
    "input_border_color": "#8a7a6d",
    "input_placeholder_color": "#b8a99b",
    "button_primary_background_fill": "#ff8a7a",
    "button_primary_background_fill_hover": "#ffa396",
    "button_primary_text_color": "#17120f",
    "button_secondary_background_fill": "#2a211b",
    "button_secondary_background_fill_hover": "#3a2e26",
    "button_secondary_text_color": "#f6ede3",
    "button_secondary_border_color": "#8a7a6d",
    "button_cancel_background_fill": "#211a16",
    "button_cancel_background_fill_hover": "#3a2320",
    "button_cancel_text_color": "#ff8a7a",
    "button_cancel_border_color": "#ff8a7a",
    "link_text_color": "#ff8a7a",
    "slider_color": "#ff8a7a",
}
_SHAPE: dict[str, Any] = {
    "button_border_width": "1px",
    "button_large_padding": "11px 22px",
    "button_large_radius": "999px",
    "button_small_padding": "9px 16px",
    "button_small_radius": "999px",
    "block_border_width": "1px",
    "block_radius": "14px",
    "block_shadow": "none",
    "block_label_background_fill": "transparent",
    "block_label_border_width": "0px",
    "input_radius": "10px",
    "input_border_width": "1px",
    "layout_gap": "16px",
}

SCRIPT = """
() => {
  const root = document.body;
  const remembered = localStorage.getItem('booth-theme');
  if (remembered) root.classList.toggle('dark', remembered === 'dark');
  const announce = document.getElementById('announce');
  announce?.setAttribute('role', 'status');
  announce?.setAttribute('aria-live', 'polite');
  document.documentElement.lang = 'en';
}
"""
SWITCH_LIGHT = """
() => {
  const dark = document.body.classList.toggle('dark');
  localStorage.setItem('booth-theme', dark ? 'dark' : 'light');
}
"""
RETITLE = """
() => setTimeout(() => {
  const running = document.getElementById('announce')?.innerText.trim();
  document.title = running ? `${running} - Birdie` : 'Birdie, the photo booth';
}, 100)
"""
TO_TRAY = """
() => {
  const tray = document.getElementById('tray-side');
  if (tray && tray.getBoundingClientRect().top < 0) tray.scrollIntoView({block: 'start'});
}
"""
TO_TOP = "() => { window.scrollTo({top: 0}); }"


def theme() -> gr.themes.Base:
    """The booth's theme; every font is already on the visitor's computer."""
    plain = gr.themes.Base(
        primary_hue=_RED,
        secondary_hue=_RED,
        neutral_hue=_PAPER,
        radius_size=gr.themes.sizes.radius_lg,
        font=_SYSTEM,
        font_mono=("ui-monospace", "Consolas", "monospace"),
    )
    dark = {f"{name}_dark": value for name, value in _DARK.items()}
    return plain.set(**_LIGHT, **dark, **_SHAPE)
