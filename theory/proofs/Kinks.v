(** Kink balance: a piecewise-linear network bends only where a staircase crosses a kink.

    The package's own: theory/pulse/kinks.py; in words: docs/pulse/kinks.md. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal Staircase Plateau Subpixel Loss.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section OneStep.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).
Implicit Types (p q t phi psi : F) (f g : F -> F).

(** The hinge at t, and the bridge kernel G(φ, ψ) = min(φ, ψ) (1 - max(φ, ψ)). *)
Definition relu (z : F) : F := Num.max z 0.
Definition hinge t z : F := relu (z - t).
Definition bridge phi psi : F := Num.min phi psi * (1 - Num.max phi psi).

(** Where the step from p to q meets the kink t: φ* = (t - p) / (q - p), 0 if the step is no step. *)
Definition star p q t : F := (t - p) / (q - p).

(** The open step contains the kink. *)
Definition crossed p q t : bool := (p < t < q) || (q < t < p).

Lemma crossed_star p q t : crossed p q t = (0 < star p q t < 1).
Proof.
rewrite /crossed /star; case: (ltgtP p q) => [pq | qp | ->]; last first.
- by rewrite subrr invr0 mulr0 ltxx !lt_asym.
- rewrite -mulrNN -invrN !opprB ltr_pdivl_mulr ?ltr_pdivr_mulr ?subr_gt0 //.
  rewrite mul0r mul1r subr_gt0 ltr_add2l ltr_opp2 [(q < t) && _]andbC.
  by case: (ltP p t) => //= pt; rewrite (lt_gtF (lt_trans qp pt)).
- rewrite ltr_pdivl_mulr ?ltr_pdivr_mulr ?subr_gt0 // mul0r mul1r subr_gt0 ltr_add2r.
  case: (ltP q t) => qt; last by rewrite orbF.
  by rewrite (lt_gtF qt) (lt_gtF (lt_trans pq qt)) andbF.
Qed.

Lemma step_0 f p phi : chord_deviation f p p phi = 0.
Proof. by rewrite /chord_deviation subrr mulr0 addr0; by_ring F. Qed.

(** Along a step the hinge is |q - p| times the hinge at φ*, up to a function that is affine. *)
Definition unit_deviation phi psi : F :=
  relu (phi - psi) - (1 - phi) * relu (- psi) - phi * relu (1 - psi).

Lemma hinge_scaled p q t phi : p != q ->
  chord_deviation (hinge t) p q phi = `|q - p| * unit_deviation phi (star p q t).
Proof.
move=> pq; have d0 : q - p != 0 by rewrite subr_eq0 eq_sym.
set psi := star p q t; set d := q - p in d0 *.
have place x : p + x * d - t = d * (x - psi).
  by rewrite /psi /star -/d; move/eqP: d0 => d0; by_field F.
have at_0 : p - t = d * (- psi) by rewrite -[- psi]add0r -place mul0r addr0.
have at_1 : q - t = d * (1 - psi) by rewrite -place mul1r /d; by_ring F.
rewrite /chord_deviation /hinge -/d place at_0 at_1 /unit_deviation.
case: (ltgtP d 0) d0 => // [d_neg | d_pos] _.
- have flip x : relu (d * x) = d * x + `|d| * relu x.
    rewrite /relu ltr0_norm //; case: (leP x 0) => x0.
      by rewrite mulr0 addr0; apply/max_idPl; rewrite nmulr_rge0.
    rewrite mulNr subrr.
    by apply/max_idPr; rewrite nmulr_rle0 // ltW.
  by rewrite !flip; by_ring F.
- have flip x : relu (d * x) = `|d| * relu x.
    by rewrite /relu gtr0_norm // maxr_pmulr ?mulr0 // ltW.
  by rewrite !flip; by_ring F.
Qed.

Lemma unit_inside phi psi : 0 < psi < 1 -> 0 <= phi <= 1 -> unit_deviation phi psi = - bridge phi psi.
Proof.
move=> /andP[psi0 psi1] _; rewrite /unit_deviation /bridge /relu.
have -> : Num.max (- psi) 0 = 0 by apply/max_idPr; rewrite oppr_le0 ltW.
have -> : Num.max (1 - psi) 0 = 1 - psi by apply/max_idPl; rewrite subr_ge0 ltW.
case: (leP phi psi) => h.
  by rewrite (max_idPr _) ?subr_le0 //; by_ring F.
by rewrite (max_idPl _) ?subr_ge0 ?(ltW h) //; by_ring F.
Qed.

Lemma unit_outside phi psi : ~~ (0 < psi < 1) -> 0 <= phi <= 1 -> unit_deviation phi psi = 0.
Proof.
move=> outside /andP[phi0 phi1]; rewrite /unit_deviation /relu.
case: (leP psi 0) outside => psi0 /= outside.
  have -> : Num.max (- psi) 0 = - psi by apply/max_idPl; rewrite oppr_ge0.
  have -> : Num.max (phi - psi) 0 = phi - psi.
    by apply/max_idPl; rewrite subr_ge0 (le_trans psi0 phi0).
  have -> : Num.max (1 - psi) 0 = 1 - psi.
    by apply/max_idPl; rewrite subr_ge0 (le_trans psi0 ler01).
  by by_ring F.
rewrite -leNgt in outside.
have -> : Num.max (- psi) 0 = 0 by apply/max_idPr; rewrite oppr_le0 ltW.
have -> : Num.max (phi - psi) 0 = 0.
  by apply/max_idPr; rewrite subr_le0 (le_trans phi1 outside).
have -> : Num.max (1 - psi) 0 = 0 by apply/max_idPr; rewrite subr_le0.
by by_ring F.
Qed.

(** ** One step, one kink *)
Theorem hinge_deviation p q t phi : 0 <= phi <= 1 -> chord_deviation (hinge t) p q phi =
  if 0 < star p q t < 1 then - (`|q - p| * bridge phi (star p q t)) else 0.
Proof.
move=> hphi; have [-> | pq] := eqVneq p q; last rewrite hinge_scaled //.
  by rewrite step_0 /star subrr invr0 mulr0 ltxx.
by case: ifPn => h; [rewrite unit_inside ?mulrN | rewrite unit_outside ?mulr0].
Qed.
End OneStep.
