"""What is calculated: specifications, results, engines, Makers, studies, presets."""

if __name__ != "natrium.workflows":
    # Under another name jobflow would write a wrong @module into every document.
    raise ImportError(
        f"this package is natrium.workflows, imported as {__name__!r}: install natrium and import it by its name"
    )
