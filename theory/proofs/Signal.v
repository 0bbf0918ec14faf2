(** The pulse: its pixels, its sum, and the chord between two half-integers.

    The package's own: theory/pulse/signal.py; in words: docs/pulse/signal.md.

    [F] is any ordered field: the rational numbers, the real numbers.  A signal of [2 L + 1] pixels is
    a function of [j = 0, ..., 2 L]; the pixel [j] lies at the place [i = j - L] of the package. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Signal.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).
Implicit Types (phi r : F) (i : int) (m L j : nat).

Definition half : F := 2%:R^-1.

(** r = m - 1/2 + φ. *)
Definition radius m phi : F := m%:R - half + phi.

(** The definition: the length of [i - 1/2, i + 1/2] ∩ [-r, r]. *)
Definition overlap i r : F :=
  Num.max 0 (Num.min (i%:~R + half) r - Num.max (i%:~R - half) (- r)).

(** The law: 1 for |i| < m, φ for |i| = m, 0 beyond. *)
Definition pixel i m phi : F :=
  if (absz i < m)%N then 1 else if absz i == m then phi else 0.

(** The pulse of radius m - 1/2 + φ in a signal of 2 L + 1 pixels. *)
Definition pulse L m phi j : F := pixel (j%:Z - L%:Z) m phi.

Lemma overlap_opp i r : overlap (- i) r = overlap i r.
Proof.
rewrite /overlap mulrNz; congr Num.max.
have -> : Num.min (- i%:~R + half) r = - Num.max (i%:~R - half) (- r).
  by rewrite oppr_max opprB opprK addrC.
have -> : Num.max (- i%:~R - half) (- r) = - Num.min (i%:~R + half) r.
  by rewrite oppr_min opprD.
by rewrite opprK addrC.
Qed.

(** Right of the middle, 0 <= k, the left end of the pixel lies inside [-r, r] or right of it. *)
Lemma overlap_nat k m phi : (0 < m)%N -> 0 <= phi <= 1 ->
  overlap k%:Z (radius m phi) = pixel k%:Z m phi.
Proof.
move=> m_gt0 /andP[phi0 phi1]; rewrite /overlap /pixel /radius absz_nat -pmulrn.
have m1 : (1 : F) <= m%:R by rewrite ler1n.
have k0 : (0 : F) <= k%:R by rewrite ler0n.
have -> : Num.max (k%:R - half) (- (m%:R - half + phi)) = k%:R - half.
  apply/max_idPl/(le_of (ler_add (ler_add k0 phi0) m1)).
  by rewrite /half; by_field F.
case: ltngtP => [km | mk | ->].
- have km1 : (k%:R + 1 : F) <= m%:R by rewrite -mulrSr ler_nat.
  have -> : Num.min (k%:R + half) (m%:R - half + phi) = k%:R + half.
    apply/min_idPl/(le_of (ler_add km1 phi0)).
    by rewrite /half; by_field F.
  rewrite (_ : _ - _ = 1); last by rewrite /half; by_field F.
  exact/max_idPr/ler01.
- have mk1 : (m%:R + 1 : F) <= k%:R by rewrite -mulrSr ler_nat.
  apply/max_idPl; rewrite subr_le0 le_minl; apply/orP; right.
  by apply: (le_of (ler_add mk1 phi1)); by_ring F.
- have -> : Num.min (m%:R + half) (m%:R - half + phi) = m%:R - half + phi.
    by apply/min_idPr/(le_of phi1); rewrite /half; by_field F.
  by rewrite (_ : _ - _ = phi); [exact/max_idPr | by_ring F].
Qed.

(** ** The law of the pixels, for every pixel and every radius from 1/2 on *)
Theorem pixel_is_overlap i m phi : (0 < m)%N -> 0 <= phi <= 1 ->
  overlap i (radius m phi) = pixel i m phi.
Proof.
move=> m_gt0 phi01; case: (intP i) => [|k|k]; try exact: overlap_nat.
by rewrite overlap_opp overlap_nat // /pixel abszN.
Qed.

(** The pixels by their number: lit strictly between the borders [L - m] and [L + m], φ on them. *)
Lemma pulse_nat L m phi j : pulse L m phi j =
  if (L < j + m)%N && (j < L + m)%N then 1
  else if (j + m == L)%N || (j == L + m)%N then phi else 0.
Proof.
rewrite /pulse /pixel; case: (leqP j L) => jL.
  by rewrite (distnEr jL); do !(case: ifP => //); lia.
by rewrite (distnEl (ltnW jL)); do !(case: ifP => //); lia.
Qed.

Lemma pulse_lit L m phi j : (L < j + m)%N -> (j < L + m)%N -> pulse L m phi j = 1.
Proof. by move=> h k; rewrite pulse_nat h k. Qed.

Lemma pulse_border L m phi j : (0 < m)%N -> (j + m == L)%N || (j == L + m)%N ->
  pulse L m phi j = phi.
Proof. by move=> m_gt0 h; rewrite pulse_nat h ifF //; lia. Qed.

Lemma pulse_dark L m phi j : (j + m < L)%N || (L + m < j)%N -> pulse L m phi j = 0.
Proof. by move=> h; rewrite pulse_nat !ifF //; lia. Qed.

Lemma sum_constant a b (f : nat -> F) v : (forall j, (a <= j < b)%N -> f j = v) ->
  \sum_(a <= j < b) f j = (b - a)%:R * v.
Proof. by move=> h; rewrite (eq_big_nat _ _ h) sumr_const_nat mulr_natl. Qed.

(** ** The pixels add up to 2 r *)
Theorem pulse_sum L m phi : (0 < m)%N -> (m <= L)%N ->
  \sum_(0 <= j < L.*2.+1) pulse L m phi j = 2%:R * radius m phi.
Proof.
move=> m_gt0 mL.
rewrite (@big_cat_nat _ _ _ (L - m)) //=; last by lia.
rewrite (@big_cat_nat _ _ _ (L - m).+1 (L - m)) //=; last by lia.
rewrite (@big_cat_nat _ _ _ (L + m) (L - m).+1) //=; try by lia.
rewrite (@big_cat_nat _ _ _ (L + m).+1 (L + m)) //=; last by lia.
rewrite (@sum_constant 0%N _ _ 0) => [|j hj]; last by apply: pulse_dark; lia.
rewrite (@sum_constant (L - m) _ _ phi) => [|j hj]; last by apply: pulse_border; lia.
rewrite (@sum_constant (L - m).+1 _ _ 1) => [|j hj]; last by apply: pulse_lit; lia.
rewrite (@sum_constant (L + m) _ _ phi) => [|j hj]; last by apply: pulse_border; lia.
rewrite (@sum_constant (L + m).+1 _ _ 0) => [|j hj]; last by apply: pulse_dark; lia.
rewrite !subSnn (_ : L + m - (L - m).+1 = m + m.-1)%N; last by lia.
case: m m_gt0 mL => // m _ _; rewrite /= natrD mulrSr /radius mulrSr /half.
by by_field F.
Qed.

(** At φ = 1 the border pixels are full: the pulse of the next half-integer. *)
Lemma pixel_full i m : pixel i m 1 = pixel i m.+1 0.
Proof. by rewrite /pixel; case: (ltngtP (absz i) m) => h; do !(case: ifP => //); lia. Qed.

(** ** Between two half-integers the pulse is its chord *)
Theorem pulse_chord L m phi j :
  pulse L m phi j = (1 - phi) * pulse L m 0 j + phi * pulse L m.+1 0 j.
Proof.
rewrite /pulse -pixel_full /pixel.
by case: ifP => _; [|case: ifP => _]; by_ring F.
Qed.
End Signal.
