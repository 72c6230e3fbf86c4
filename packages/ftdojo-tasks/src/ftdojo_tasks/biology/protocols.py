"""A small grammar of laboratory protocols: what is done, with what, how hot and how long, and in which order.

A *method* is a chain of *operations*. An operation can be told in several wordings; their slots are *terms*
(parameters, reagents and, with a capital, verbs), each with one right value, or *names* (of a sample and of a target
gene or protein). The same operation means the same in every method, and no two methods contradict each other about the
order of two operations, so what is learned from some methods holds for all others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PARAMETER, REAGENT, OPERATION = TYPES = ("parameter", "reagent", "operation")
SLOT = re.compile(r"\{(\w+)\}")
NAMES = ("sample", "target")
"""Slots that are filled with the names of a protocol; every other slot is a term."""


@dataclass(frozen=True, slots=True)
class Group:
    """Terms that can stand for each other grammatically."""

    type: str
    terms: Mapping[str, str]
    """Slot -> its right value, which may have slots for names."""
    absurd: tuple[str, ...]
    """Values that are right nowhere, in no protocol."""
    other: tuple[str, ...] = ()
    """Further values that are not absurd, but right in none of these terms."""

    @property
    def values(self) -> tuple[str, ...]:
        """All values that are not absurd."""
        return (*self.terms.values(), *self.other)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that is done, and how it is told."""

    title: str
    """As a noun, for headings."""
    brief: str
    """As a short step without parameters."""
    wordings: tuple[str, str, str]
    """As a full step; the last is kept for evaluation."""


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        # purification
        "grind": Operation(
            "grinding",
            "Grind the {sample} in liquid nitrogen.",
            (
                "{Grind} the {sample} tissue in {nitrogen}.",
                "{Grind} frozen {sample} under {nitrogen} to a powder.",
                "{Pulverize} the brittle {sample} in a mortar filled with {nitrogen}.",
            ),
        ),
        "grow_bacteria": Operation(
            "culture growth",
            "Grow the {sample} culture overnight.",
            (
                "{Inoculate} {flask} of {broth} with {sample} and shake at {warm} °C for {night}.",
                "{Incubate} the {sample} culture in {broth} at {warm} °C for {night}.",
                "{Culture} {sample} overnight ({night}) in a shaker at {warm} °C with {broth}.",
            ),
        ),
        "pellet_bacteria": Operation(
            "bacterial harvest",
            "Pellet the {sample} bacteria.",
            (
                "{Pellet} the {sample} bacteria at {medium} x g for {minutes}.",
                "{Centrifuge} the {sample} culture at {medium} x g for {minutes} to pellet the bacteria.",
                "{Harvest} bacteria of {sample} by a spin of {minutes} at {medium} x g.",
            ),
        ),
        "lyse": Operation(
            "lysis",
            "Lyse the {sample} sample in lysis buffer.",
            (
                "{Lyse} the {sample} sample in {tube} of {lysis} at {cold} °C.",
                "{Lyse} the {sample} sample with ice-cold {lysis} for {minutes}.",
                "{Mix} {lysis} into the {sample} sample and keep at {cold} °C for {minutes}.",
            ),
        ),
        "clear": Operation(
            "clearing",
            "Centrifuge the {sample} lysate.",
            (
                "{Centrifuge} the {sample} lysate at {fast} x g and {cold} °C for {minutes}.",
                "{Spin} the {sample} lysate at {fast} x g for {minutes} and keep the supernatant.",
                "{Centrifuge} debris out of the {sample} lysate for {minutes} at {fast} x g.",
            ),
        ),
        "bind": Operation(
            "binding",
            "Load the {sample} lysate onto the column.",
            (
                "{Load} the {sample} lysate with {binding} onto the column.",
                "{Mix} the {sample} lysate with {binding} and apply it to the column.",
                "{Bind} the product to the {sample} column with {tube} of {binding}.",
            ),
        ),
        "wash_column": Operation(
            "washing",
            "Wash the {sample} column with wash buffer.",
            (
                "{Wash} the {sample} column twice with {tube} of {wash}.",
                "{Wash} the loaded {sample} column with {wash} in {strong} % ethanol.",
                "{Rinse} impurities from the {sample} column with {tube} of {wash}.",
            ),
        ),
        "elute": Operation(
            "elution",
            "Elute the {sample} column with elution buffer.",
            (
                "{Elute} the product from the {sample} column with {elution}.",
                "{Elute} the washed {sample} column with {tube} of {elution}.",
                "{Recover} the purified product of {sample} from the column in {elution}.",
            ),
        ),
        "measure_nucleic": Operation(
            "measurement",
            "Measure the {sample} nucleic acid.",
            (
                "{Measure} the nucleic acid of {sample} at {ultraviolet} nm.",
                "{Quantify} nucleic acid from {sample} by its absorbance at {ultraviolet} nm.",
                "{Read} the absorbance of the {sample} nucleic acid at {ultraviolet} nm.",
            ),
        ),
        "measure_protein": Operation(
            "protein measurement",
            "Measure the {sample} protein.",
            (
                "{Measure} the protein of {sample} at {peptide} nm.",
                "{Quantify} protein from {sample} by its absorbance at {peptide} nm.",
                "{Read} the absorbance of the {sample} protein at {peptide} nm.",
            ),
        ),
        "store": Operation(
            "storage",
            "Store the {sample} product at -80 °C.",
            (
                "{Store} the {sample} product at {frozen} °C.",
                "{Freeze} the {sample} product for long storage at {frozen} °C.",
                "{Keep} aliquots of the {sample} product in a deep freezer at {frozen} °C.",
            ),
        ),
        # amplification
        "mix": Operation(
            "reaction mixing",
            "Mix the {sample} template with primers.",
            (
                "{Mix} the {sample} template with {primers} and Taq polymerase.",
                "{Mix} the {sample} DNA, the primers and {polymerase} in one tube.",
                "{Add} {primers} and the enzyme to the {sample} DNA.",
            ),
        ),
        "denature": Operation(
            "denaturation",
            "Denature the {sample} DNA at 95 °C.",
            (
                "{Denature} the {sample} DNA at {hot} °C for {moment}.",
                "{Denature} the strands of the {sample} template at {hot} °C.",
                "{Denature} double-stranded {sample} DNA by {moment} at {hot} °C.",
            ),
        ),
        "anneal": Operation(
            "annealing",
            "Anneal primers to the {sample} DNA.",
            (
                "{Anneal} the {primers} to the {sample} DNA at {annealing} °C.",
                "{Anneal} primers to the {sample} template at {annealing} °C for {moment}.",
                "{Anneal} for {moment} at {annealing} °C, so that {primers} pair with {sample} DNA.",
            ),
        ),
        "extend": Operation(
            "extension",
            "Extend the {sample} strands at 72 °C.",
            (
                "{Extend} the new {sample} strands at {extension} °C.",
                "{Extend} primers on the {sample} template with {polymerase} at {extension} °C.",
                "{Extend} strands along the {sample} DNA at {extension} °C, where {polymerase} is active.",
            ),
        ),
        "cycle": Operation(
            "cycling",
            "Repeat the {sample} cycle 30 times.",
            (
                "{Repeat} the thermal cycle of {sample} {cycles} times.",
                "{Repeat} all three temperatures for {sample} {cycles} times.",
                "{Run} {cycles} cycles in total to amplify the {sample} DNA.",
            ),
        ),
        # gels
        "pour_gel": Operation(
            "gel pouring",
            "Pour an agarose gel for {sample}.",
            (
                "{Pour} a {thin} % {agarose} gel for {sample}.",
                "{Pour} molten {agarose} into the tray of the {sample} gel.",
                "{Pour} the {sample} gel from {thin} % melted {agarose}.",
            ),
        ),
        "load_gel": Operation(
            "gel loading",
            "Load the {sample} DNA with loading dye.",
            (
                "{Load} {drop} of {sample} DNA with {loading} into the gel.",
                "{Load} the {sample} DNA and {loading} into a well of the gel.",
                "{Load} a gel pocket with {drop} of {sample} DNA in {loading}.",
            ),
        ),
        "run_gel": Operation(
            "gel running",
            "Run the {sample} gel at 100 V.",
            (
                "{Run} the {sample} gel in {running} at {run} V for {hour}.",
                "{Run} the loaded {sample} gel at {run} V.",
                "{Separate} the {sample} bands in {running} at {run} V within {hour}.",
            ),
        ),
        "stain_gel": Operation(
            "gel staining",
            "Stain the {sample} gel with SYBR Safe.",
            (
                "{Stain} the {sample} gel with {stain} for {minutes}.",
                "{Stain} the bands of {sample} in the gel with {stain}.",
                "{Stain} DNA bands of {sample} by soaking the gel in {stain} for {minutes}.",
            ),
        ),
        "image_gel": Operation(
            "gel imaging",
            "Image the {sample} gel under ultraviolet light.",
            (
                "{Image} the {sample} gel under ultraviolet light.",
                "{Image} the stained bands of {sample} in the gel.",
                "{Image} the {sample} bands with a gel camera.",
            ),
        ),
        # cells
        "seed": Operation(
            "seeding",
            "Seed the {sample} cells in growth medium.",
            (
                "{Seed} the {sample} cells in {flask} of {growth}.",
                "{Seed} suspended {sample} cells in fresh {growth}.",
                "{Plate} the {sample} cells in a dish with {flask} of {growth}.",
            ),
        ),
        "grow_cells": Operation(
            "cell incubation",
            "Incubate the {sample} cells overnight.",
            (
                "{Incubate} the {sample} cells at {warm} °C in {gas} % carbon dioxide for {night}.",
                "{Culture} the {sample} cells at {warm} °C for {night}.",
                "{Keep} the {sample} cells overnight ({night}) in an incubator with {gas} % carbon dioxide.",
            ),
        ),
        "treat": Operation(
            "treatment",
            "Treat the {sample} cells with the inhibitor.",
            (
                "{Treat} the {sample} cells with {inhibitor} for {hour} to silence {target}.",
                "{Treat} attached {sample} cells with {inhibitor} against {target} at {warm} °C.",
                "{Add} {inhibitor} to {sample} cells and wait for {hour} until {target} is inactive.",
            ),
        ),
        "rinse": Operation(
            "rinsing",
            "Rinse the {sample} cells with PBS.",
            (
                "{Rinse} the {sample} cells with {saline}.",
                "{Wash} the {sample} cells once with {flask} of {saline}.",
                "{Rinse} off the medium from the {sample} cells with {flask} of {saline}.",
            ),
        ),
        "detach": Operation(
            "detachment",
            "Detach the {sample} cells with trypsin.",
            (
                "{Detach} the {sample} cells with {trypsin} for {minutes}.",
                "{Detach} the {sample} cells from the flask in {trypsin} at {warm} °C.",
                "{Dissociate} attached {sample} cells at {warm} °C for {minutes} in {trypsin}.",
            ),
        ),
        "pellet_cells": Operation(
            "cell collection",
            "Centrifuge the {sample} cells gently.",
            (
                "{Centrifuge} the {sample} cells gently at {gentle} x g.",
                "{Spin} the {sample} cells at {gentle} x g for {minutes}.",
                "{Collect} the living {sample} cells by a gentle spin at {gentle} x g for {minutes}.",
            ),
        ),
        "count": Operation(
            "counting",
            "Count the {sample} cells with trypan blue.",
            (
                "{Count} the {sample} cells in {trypan}.",
                "{Count} live {sample} cells after mixing {drop} with {trypan}.",
                "{Count} the dead cells of {sample} that take up {trypan}.",
            ),
        ),
        "freeze_cells": Operation(
            "freezing",
            "Freeze the {sample} cells in freezing medium.",
            (
                "{Freeze} the {sample} cells in {freezing} at {frozen} °C.",
                "{Freeze} the vials of {sample} cells slowly to {frozen} °C.",
                "{Freeze} a stock of {sample} cells in {freezing}, to be kept at {frozen} °C.",
            ),
        ),
        # stains and blots
        "fix": Operation(
            "fixation",
            "Fix the {sample} cells with formaldehyde.",
            (
                "{Fix} the {sample} cells with {fixative} for {minutes}.",
                "{Fix} the {sample} cells in {fixative} at {room} °C.",
                "{Fix} the structure of {sample} cells by {minutes} in {fixative}.",
            ),
        ),
        "permeabilize": Operation(
            "permeabilization",
            "Permeabilize the {sample} cells.",
            (
                "{Permeabilize} the {sample} cells with {detergent}.",
                "{Permeabilize} fixed {sample} cells in {detergent} for {minutes}.",
                "{Permeabilize} the membranes of {sample} with {tube} of {detergent}.",
            ),
        ),
        "block": Operation(
            "blocking",
            "Block the {sample} sample with blocking buffer.",
            (
                "{Block} the {sample} sample with {blocking} for {hour}.",
                "{Block} the {sample} sample in {blocking} at {room} °C.",
                "{Block} free sites of the {sample} sample for {hour} with {blocking}.",
            ),
        ),
        "primary": Operation(
            "primary staining",
            "Incubate {sample} with the primary antibody.",
            (
                "{Incubate} the {sample} sample with {primary} at {cold} °C for {night}.",
                "{Incubate} the blocked {sample} sample with {primary} overnight at {cold} °C.",
                "{Probe} the {sample} sample overnight ({night}) with {primary}.",
            ),
        ),
        "secondary": Operation(
            "secondary staining",
            "Incubate {sample} with the secondary antibody.",
            (
                "{Incubate} the {sample} sample with {secondary} for {hour}.",
                "{Incubate} the {sample} sample with labelled {secondary} at {room} °C.",
                "{Label} the bound primary antibody of {sample} with {secondary} for {hour}.",
            ),
        ),
        "counterstain": Operation(
            "nuclear staining",
            "Stain the {sample} nuclei with DAPI.",
            (
                "{Stain} the nuclei of {sample} with {nuclear}.",
                "{Stain} the {sample} nuclei blue in {nuclear} for {minutes}.",
                "{Label} the DNA in {sample} nuclei with {nuclear} for {minutes}.",
            ),
        ),
        "mount": Operation(
            "mounting",
            "Mount the {sample} slide in mounting medium.",
            (
                "{Mount} the {sample} slide in {mounting}.",
                "{Mount} the {sample} coverslip with {drop} of {mounting}.",
                "{Cover} the {sample} slide with {drop} of {mounting} and seal it.",
            ),
        ),
        "image_cells": Operation(
            "microscopy",
            "Image the {sample} cells under the microscope.",
            (
                "{Image} the {sample} cells under the microscope.",
                "{Image} the stained {sample} slide by microscopy.",
                "{Image} ten fields of {sample} with a fluorescence microscope.",
            ),
        ),
        "boil": Operation(
            "boiling",
            "Boil the {sample} protein in Laemmli buffer.",
            (
                "{Boil} the {sample} protein in {sds} at {hot} °C for {minutes}.",
                "{Boil} the {sample} protein with {sds} at {hot} °C.",
                "{Denature} the protein of {sample} for {minutes} in {sds} at {hot} °C.",
            ),
        ),
        "separate_protein": Operation(
            "electrophoresis",
            "Run the {sample} protein gel at 100 V.",
            (
                "{Run} the {sample} protein gel at {run} V for {hour}.",
                "{Run} the {sample} proteins on a gel in {running} at {run} V.",
                "{Separate} the {sample} proteins in {running} for {hour} at {run} V.",
            ),
        ),
        "blot": Operation(
            "blotting",
            "Transfer the {sample} protein to a membrane.",
            (
                "{Transfer} the {sample} protein to a membrane in {transfer}.",
                "{Transfer} the {sample} gel onto a membrane with {transfer} for {hour}.",
                "{Transfer} bands of {sample} from gel to membrane in {transfer} within {hour}.",
            ),
        ),
        "expose": Operation(
            "exposure",
            "Image the {sample} blot.",
            (
                "{Image} the {sample} blot with a camera.",
                "{Image} the bands on the {sample} membrane.",
                "{Image} the light of the {sample} blot in the dark.",
            ),
        ),
        # transformation
        "thaw": Operation(
            "thawing",
            "Thaw the competent {sample} on ice.",
            (
                "{Thaw} the competent {sample} on ice at {cold} °C.",
                "{Thaw} frozen competent {sample} for {minutes} at {cold} °C.",
                "{Thaw} a tube of competent {sample} for {minutes} on ice.",
            ),
        ),
        "add_plasmid": Operation(
            "plasmid addition",
            "Add the plasmid to competent {sample}.",
            (
                "{Add} {plasmid} to the competent {sample}.",
                "{Add} {drop} of {plasmid} to thawed {sample} on ice.",
                "{Mix} competent {sample} gently with {drop} of {plasmid}.",
            ),
        ),
        "shock": Operation(
            "heat shock",
            "Heat shock the {sample} at 42 °C.",
            (
                "{Warm} the {sample} for a heat shock to {shock} °C for {moment}.",
                "{Incubate} the {sample} at {shock} °C for a heat shock of {moment}.",
                "{Warm} the tube of {sample} for a heat shock of {moment} to {shock} °C.",
            ),
        ),
        "recover": Operation(
            "recovery",
            "Recover the {sample} in SOC medium.",
            (
                "{Recover} the {sample} in {rich} at {warm} °C for {hour}.",
                "{Recover} shocked {sample} in {tube} of {rich}.",
                "{Recover} {sample} after the heat shock for {hour} in {tube} of {rich}.",
            ),
        ),
        "plate": Operation(
            "plating",
            "Spread the {sample} on ampicillin agar.",
            (
                "{Spread} the {sample} on {agar}.",
                "{Plate} the transformed {sample} on {agar} with a sterile loop.",
                "{Spread} {tube} of transformed {sample} over {agar}.",
            ),
        ),
        "grow_plates": Operation(
            "colony growth",
            "Incubate the {sample} plates overnight.",
            (
                "{Incubate} the {sample} plates at {warm} °C for {night}.",
                "{Incubate} the {sample} plates upside down overnight at {warm} °C.",
                "{Keep} {sample} plates at {warm} °C for {night} until colonies appear.",
            ),
        ),
        "pick": Operation(
            "picking",
            "Pick single {sample} colonies.",
            (
                "{Pick} single {sample} colonies into {broth}.",
                "{Pick} a {sample} colony with a sterile tip.",
                "{Pick} five colonies of {sample} and dip each into {broth}.",
            ),
        ),
        # immunoassays
        "coat": Operation(
            "coating",
            "Coat wells for {sample} with capture antibody.",
            (
                "{Coat} the wells for {sample} with {capture} at {cold} °C for {night}.",
                "{Coat} the plate for {sample} overnight with {capture} at {cold} °C.",
                "{Coat} wells overnight ({night}) with {capture} before {sample} is added.",
            ),
        ),
        "add_sample": Operation(
            "sample addition",
            "Add the {sample} supernatant to the wells.",
            (
                "{Add} {drop} of {sample} supernatant to the wells for {hour}.",
                "{Add} the {sample} supernatant to the wells at {room} °C.",
                "{Load} wells with {drop} of {sample} supernatant and wait for {hour}.",
            ),
        ),
        "detect": Operation(
            "detection",
            "Add detection antibody to the {sample} wells.",
            (
                "{Detect} bound {sample} protein with {detection} for {hour}.",
                "{Add} the {detection} to the {sample} wells for {hour}.",
                "{Label} the captured protein of {sample} with {detection} at {room} °C.",
            ),
        ),
        "develop": Operation(
            "development",
            "Develop the {sample} wells with TMB substrate.",
            (
                "{Develop} the {sample} wells with {substrate} for {minutes}.",
                "{Develop} the colour of the {sample} wells in {substrate}.",
                "{Develop} a blue colour in {sample} wells by {minutes} with {substrate}.",
            ),
        ),
        "stop": Operation(
            "reaction stop",
            "Stop the {sample} wells with sulfuric acid.",
            (
                "{Stop} the {sample} colour reaction with {acid}.",
                "{Stop} the reaction in the {sample} wells with {drop} of {acid}.",
                "{Quench} the blue {sample} wells with {drop} of {acid}.",
            ),
        ),
        "read": Operation(
            "plate reading",
            "Read the {sample} wells at 450 nm.",
            (
                "{Read} the {sample} wells at {yellow} nm.",
                "{Read} the absorbance of the {sample} plate at {yellow} nm.",
                "{Measure} the yellow colour of {sample} wells at {yellow} nm.",
            ),
        ),
    }
)


_VERBS = sorted(
    slot
    for operation in OPERATIONS.values()
    for wording in operation.wordings
    for slot in SLOT.findall(wording)
    if slot[0].isupper()
)

GROUPS: Mapping[str, Group] = MappingProxyType(
    {
        "temperature": Group(
            PARAMETER,
            {
                "cold": "4",
                "room": "22",
                "warm": "37",
                "shock": "42",
                "annealing": "58",
                "extension": "72",
                "hot": "95",
                "frozen": "-80",
            },
            absurd=("370", "450", "720", "-370"),
        ),
        "speed": Group(
            PARAMETER,
            {"gentle": "300", "medium": "4,000", "fast": "12,000"},
            absurd=("0.3", "40,000,000"),
            other=("5", "20", "100,000", "600,000"),
        ),
        "time": Group(
            PARAMETER,
            {"moment": "45 s", "minutes": "10 min", "hour": "1 h", "night": "16 h"},
            absurd=("16 months", "10 years", "0.001 s"),
            other=("1 s", "5 days", "3 weeks"),
        ),
        "volume": Group(
            PARAMETER,
            {"drop": "10 µL", "tube": "500 µL", "flask": "10 mL"},
            absurd=("500 L", "0.1 pL"),
            other=("1 nL", "50 nL", "2 L", "30 L"),
        ),
        "per cent": Group(
            PARAMETER,
            {"thin": "1", "gas": "5", "strong": "70"},
            absurd=("700", "-5"),
            other=("0.01", "0.2", "30", "45"),
        ),
        "wavelength": Group(
            PARAMETER,
            {"ultraviolet": "260", "peptide": "280", "yellow": "450"},
            absurd=("0.26", "450,000"),
            other=("10", "90", "600", "1,500"),
        ),
        "voltage": Group(
            PARAMETER, {"run": "100"}, absurd=("0.001", "1,000,000"), other=("1", "9", "3,000", "8,000", "20,000")
        ),
        "number of cycles": Group(
            PARAMETER, {"cycles": "30"}, absurd=("0", "30,000"), other=("1", "2", "3", "300", "2,000")
        ),
        "reagent": Group(
            REAGENT,
            {
                "nitrogen": "liquid nitrogen",
                "lysis": "lysis buffer",
                "binding": "binding buffer",
                "wash": "wash buffer",
                "elution": "elution buffer",
                "broth": "LB broth",
                "primers": "{target} primers",
                "polymerase": "Taq polymerase",
                "agarose": "agarose",
                "loading": "loading dye",
                "running": "running buffer",
                "stain": "SYBR Safe",
                "growth": "growth medium",
                "inhibitor": "{target} inhibitor",
                "saline": "PBS",
                "trypsin": "trypsin",
                "trypan": "trypan blue",
                "freezing": "DMSO freezing medium",
                "fixative": "formaldehyde",
                "detergent": "Triton X-100",
                "blocking": "blocking buffer",
                "primary": "anti-{target} antibody",
                "secondary": "secondary antibody",
                "nuclear": "DAPI",
                "mounting": "mounting medium",
                "plasmid": "{target} plasmid",
                "rich": "SOC medium",
                "agar": "ampicillin agar",
                "capture": "{target} capture antibody",
                "detection": "{target} detection antibody",
                "substrate": "TMB substrate",
                "acid": "sulfuric acid",
                "sds": "Laemmli buffer",
                "transfer": "transfer buffer",
            },
            absurd=("bleach", "vegetable oil", "nail polish", "concrete"),
        ),
        "operation": Group(
            OPERATION,
            {verb: verb for verb in _VERBS},
            absurd=("Burn", "Evaporate", "Sterilize", "Discard"),
        ),
    }
)

GROUP_OF: Mapping[str, str] = MappingProxyType({slot: name for name, group in GROUPS.items() for slot in group.terms})

ALIKE = tuple(
    map(
        frozenset,
        (
            {"Centrifuge", "Spin", "Pellet", "Collect", "Harvest", "Separate"},
            {
                "Add",
                "Mix",
                "Load",
                "Bind",
                "Transfer",
                "Pour",
                "Inoculate",
                "Coat",
                "Cover",
                "Treat",
                "Spread",
                "Plate",
            },
            {
                "Add",
                "Treat",
                "Incubate",
                "Probe",
                "Label",
                "Detect",
                "Stain",
                "Develop",
                "Block",
                "Fix",
                "Permeabilize",
            },
            {"Add", "Mix", "Lyse", "Quench", "Stop", "Rinse", "Wash", "Recover", "Elute", "Treat", "Permeabilize"},
            {"Incubate", "Keep", "Culture", "Warm", "Store", "Freeze", "Recover"},
            {"Seed", "Plate", "Culture", "Spread", "Inoculate", "Add", "Incubate", "Pick", "Transfer"},
            {"Denature", "Boil", "Warm", "Incubate", "Anneal", "Extend", "Keep", "Repeat", "Run"},
            {"Measure", "Quantify", "Read", "Image", "Count", "Detect"},
            {"Detach", "Dissociate", "Separate", "Treat", "Incubate", "Collect", "Harvest"},
            {"Denature", "Dissociate", "Separate"},
            {"Elute", "Recover", "Collect", "Harvest"},
            {"Grind", "Pulverize", "Lyse", "Freeze", "Keep"},
            {"Run", "Separate", "Load", "Image", "Stain"},
            {"Count", "Stain", "Label"},
            {"Mount", "Cover", "Image"},
            {"Anneal", "Bind"},
            {"Thaw", "Warm", "Incubate", "Keep", "Store"},
            {"lysis buffer", "Triton X-100", "Laemmli buffer"},
            {"blocking buffer", "wash buffer", "PBS", "growth medium"},
            {"growth medium", "SOC medium", "LB broth", "ampicillin agar", "agarose"},
            {"running buffer", "transfer buffer"},
            {"SYBR Safe", "DAPI", "loading dye"},
            {"liquid nitrogen", "DMSO freezing medium"},
            {
                "blocking buffer",
                "anti-{target} antibody",
                "secondary antibody",
                "{target} capture antibody",
                "{target} detection antibody",
            },
            {"4", "22"},
            {"22", "37"},
            {"10 min", "1 h"},
        ),
    )
)
"""Values that are not offered as wrong answers for each other, since a reader could accept both."""


@dataclass(frozen=True, slots=True)
class Method:
    """A purpose and the operations that serve it, in order."""

    title: str
    kind: str
    """Of the samples that it is made for: a key of :data:`SAMPLES`."""
    operations: tuple[str, ...]


def _method(title: str, kind: str, operations: str) -> Method:
    return Method(title, kind, tuple(operations.split()))


TRAINING_METHODS = (
    _method("DNA extraction from {sample}", "tissue", "grind lyse clear bind wash_column elute measure_nucleic store"),
    _method(
        "{target} plasmid preparation from {sample}",
        "bacteria",
        "grow_bacteria pellet_bacteria lyse clear bind wash_column elute measure_nucleic",
    ),
    _method("amplification of {target} from {sample}", "tissue", "mix denature anneal extend cycle"),
    _method("gel analysis of {target} from {sample}", "tissue", "pour_gel load_gel run_gel stain_gel image_gel"),
    _method(
        "{target} inhibitor assay on {sample} cells", "cells", "seed grow_cells treat rinse detach pellet_cells count"
    ),
    _method("frozen stocks of {sample} cells", "cells", "rinse detach pellet_cells count freeze_cells"),
    _method(
        "immunofluorescence of {target} in {sample} cells",
        "cells",
        "seed grow_cells fix permeabilize block primary secondary counterstain mount image_cells",
    ),
    _method(
        "transformation of {sample} with {target} plasmid",
        "bacteria",
        "thaw add_plasmid shock recover plate grow_plates pick",
    ),
    _method("{target} ELISA of {sample} cells", "cells", "coat block add_sample detect develop stop read"),
    _method(
        "western blot of {target} in {sample} cells",
        "cells",
        "lyse clear measure_protein boil separate_protein blot block primary secondary expose",
    ),
)
VALIDATION_METHODS = (
    _method(
        "{target} RNA isolation from {sample} cells",
        "cells",
        "rinse detach pellet_cells lyse bind wash_column elute measure_nucleic store",
    ),
    _method(
        "colony screening of {sample} for {target}",
        "bacteria",
        "grow_plates pick mix denature anneal extend load_gel run_gel image_gel",
    ),
    _method(
        "imaging of {target} in treated {sample} cells",
        "cells",
        "seed treat rinse fix block primary counterstain image_cells",
    ),
)
TEST_METHODS = (
    _method(
        "{target} protein purification from {sample}",
        "bacteria",
        "pick grow_bacteria pellet_bacteria lyse clear bind wash_column elute measure_protein store",
    ),
    _method(
        "genotyping of {sample} for {target}",
        "tissue",
        "grind lyse clear mix denature anneal extend cycle load_gel run_gel image_gel",
    ),
    _method(
        "{target} release assay on {sample} cells",
        "cells",
        "seed grow_cells treat pellet_cells add_sample detect develop stop read",
    ),
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SAMPLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tissue": tuple(
            pair.replace("-", " ")
            for pair in _words(
                "carrot-root maize-leaf tomato-fruit barley-seed tobacco-leaf spinach-leaf poplar-bark lupin-petal "
                "rice-husk cotton-boll beet-tuber clover-stem oak-bud pine-needle fern-frond mouse-liver rat-kidney "
                "rabbit-muscle chicken-heart zebrafish-fin salmon-gill oyster-mantle beetle-wing cricket-leg "
                "shrimp-tail trout-spleen lamprey-skin newt-limb sheep-lung goat-brain"
            )
        ),
        "cells": _words(
            "HeLa Vero CHO Jurkat HepG2 MCF7 Caco2 A549 U2OS K562 Raji THP1 L929 NIH3T3 PC12 HL60 COS7 MDCK LNCaP PC3 "
            "T47D BHK21 HT29 SW480 U937 Neuro2a C2C12 MOLT4 Huh7 ARPE19"
        ),
        "bacteria": _words(
            "Azotobacter Acetobacter Zymomonas Gluconobacter Paracoccus Rhodobacter Caulobacter Deinococcus Shewanella "
            "Geobacter Leuconostoc Pediococcus Lactococcus Lactobacillus Rhizobium Bacillus Escherichia Pantoea "
            "Myxococcus Streptomyces Cupriavidus Halomonas Methylobacterium Sphingomonas Arthrobacter Micrococcus "
            "Planococcus Zobellia Erwinia Kocuria"
        ),
    }
)
TARGETS = _words(
    "actin tubulin vimentin laminin keratin nestin desmin myosin titin cofilin ezrin talin vinculin paxillin cadherin "
    "catenin integrin fibrillin elastin ubiquitin calmodulin cyclin survivin lamin nucleolin importin clathrin "
    "dynamin kinesin dynein ferritin albumin globin myoglobin insulin leptin ghrelin renin prolactin gastrin"
)


@dataclass(frozen=True, slots=True)
class Step:
    """An operation in one wording, for a protocol's sample and target."""

    wording: str
    names: Mapping[str, str]
    """Name slot -> name."""

    @property
    def terms(self) -> list[str]:
        """The slots that are terms, in the order of the text."""
        return [slot for slot in SLOT.findall(self.wording) if slot not in NAMES]

    def of_type(self, kind: str) -> list[str]:
        """The terms of one of :data:`TYPES`."""
        return [term for term in self.terms if GROUPS[GROUP_OF[term]].type == kind]

    def text(self, changes: Mapping[str, str] = MappingProxyType({})) -> str:
        """The step, with other values than the right ones for some of its terms."""
        values = {**self.names, **{term: self.right(term) for term in self.terms}, **changes}
        return filled(self.wording, values)

    def right(self, term: str) -> str:
        """The right value of a term."""
        return filled(GROUPS[GROUP_OF[term]].terms[term], self.names)

    def wrong(self, term: str) -> list[str]:
        """The values of other terms that nobody would take for right here."""
        group = GROUPS[GROUP_OF[term]]
        right = group.terms[term]
        close = {right}.union(*(values for values in ALIKE if right in values))
        return [filled(value, self.names) for value in group.values if value not in close]

    def absurd(self, term: str) -> tuple[str, ...]:
        """Values that are right nowhere."""
        return GROUPS[GROUP_OF[term]].absurd


def filled(text: str, values: Mapping[str, str]) -> str:
    """``text`` with a value in each of its slots."""
    return SLOT.sub(lambda slot: values[slot[1]], text)
