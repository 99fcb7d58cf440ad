"""Setup, the "TT Setup tab": steps that save into a draft, which comes into force as a whole.

`steps.py` lists the steps; `frame.render_step` draws one of them, with the steps and the draft beside it. A step is a
module here with `show` and `save` and its template `templates/setup/<name>.html`, which extends `setup/base.html`
(block `step`); its addresses are `/setup/<name>`, declared in `routes.py`. A `save` reads its form, puts the changes
into the draft with `console.drafting.change`, and ends in `frame.go_on`.
"""
