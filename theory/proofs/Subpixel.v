(** The sub-pixel law: between half-integers the response bends by the chord deviation D(φ).

    The package's own: theory/pulse/subpixel.py; in words: docs/pulse/subpixel.md. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal Staircase Plateau.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Subpixel.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).
Implicit Types (h L m : nat) (w : nat -> F) (g : F -> F) (p q phi : F).

(** δ(p, q; φ) = g(p + φ (q - p)) - (1 - φ) g(p) - φ g(q). *)
Definition chord_deviation g p q phi : F :=
  g (p + phi * (q - p)) - (1 - phi) * g p - phi * g q.

(** D(φ): the chord deviations of all steps of the two staircases. *)
Definition deviation g h w phi : F :=
  \sum_(0 <= u < taps h)
    (chord_deviation g (C w u) (C w u.+1) phi + chord_deviation g (T h w u.+1) (T h w u) phi).

Lemma deviation_sums g h w phi : deviation g h w phi =
  \sum_(0 <= u < taps h) g (C w u + phi * w u) + \sum_(0 <= u < taps h) g (T h w u.+1 + phi * w u)
  - (1 - phi) * (\sum_(0 <= u < taps h) g (C w u) + \sum_(0 <= u < taps h) g (T h w u.+1))
  - phi * (\sum_(0 <= u < taps h) g (C w u.+1) + \sum_(0 <= u < taps h) g (T h w u)).
Proof.
rewrite -!big_split /= !big_distrr -!sumrB; apply: eq_big_nat => u /andP[_ un] /=.
rewrite /chord_deviation C_step (T_step w un) [C w u + w u - _]addrC addKr.
by rewrite [T h w _ + w u - _]addrC addKr; by_ring F.
Qed.

(** ** The sub-pixel law, for every n, m, L, φ, every filter and every function g(z) = σ(z + b) *)
Theorem subpixel_law g h L m w phi : (h < m)%N -> (m + h <= L)%N ->
  response g h L w (pulse L m phi) =
    2%:R * radius m phi * slope g h w + kappa g h w + deviation g h w phi.
Proof.
move=> hm mL; rewrite response_pooled (staircase w phi hm mL g) deviation_sums kappa_sums.
rewrite (bottoms (fun u => g (C w u))) (tops (fun u => g (C w u))).
rewrite (bottoms (fun u => g (T h w u))) (tops (fun u => g (T h w u))).
rewrite C_0 T_n T_0 (lit_count _ hm) (dark_count _ mL) double_count /radius /slope /half.
by rewrite /S; by_field F.
Qed.

(** ** D does not depend on the radius but through φ, and vanishes at both ends of the cell *)
Theorem deviation_0 g h w : deviation g h w 0 = 0.
Proof.
apply: big1 => u _; rewrite /chord_deviation !mul0r !addr0.
by by_ring F.
Qed.

Theorem deviation_1 g h w : deviation g h w 1 = 0.
Proof.
apply: big1 => u _; rewrite /chord_deviation !mul1r [C w u + _]addrC subrK [T _ _ _ + _]addrC subrK.
by by_ring F.
Qed.
End Subpixel.
