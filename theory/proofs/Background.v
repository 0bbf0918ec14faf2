(** An unknown background on a ring: one strictly monotone channel that ignores it is blind.

    The package's own: theory/invariance/background.py; in words: docs/invariance/background.md. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal Staircase Plateau Subpixel Loss.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Ring.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).
Implicit Types (h L m j : nat) (w x : nat -> F) (g : F -> F) (beta phi : F).

(** z_j = Σ_u w_u x(j + u - h), the signal closed to a ring. *)
Definition circular h L w x j : F :=
  \sum_(0 <= u < taps h) w u * x ((j + u + (size L - h)) %% size L)%N.

(** The pulse on the background β. *)
Definition on_background L beta m phi j : F := beta + pulse L m phi j.

(** No window meets the pulse across the border: the ring is as good as zeros beyond it. *)
Lemma circular_pulse h L m w phi j : (h < m)%N -> (m + h <= L)%N -> (j < size L)%N ->
  circular h L w (pulse L m phi) j = preactivation h L w (pulse L m phi) j.
Proof.
move=> hm mL jN; apply: eq_big_nat => u /andP[_ un]; congr (_ * _); rewrite /padded.
have N_gt0 : (0 < size L)%N by [].
case: ifP => inside.
  have -> : (j + u + (size L - h) = (j + u - h) + size L)%N by lia.
  by rewrite modnDr modn_small //; lia.
case: (ltnP (j + u) h) => [before | behind].
  by rewrite modn_small; [apply: pulse_dark; lia | lia].
have -> : (j + u + (size L - h) = (j + u - h - size L) + size L + size L)%N by lia.
by rewrite !modnDr modn_small; [apply: pulse_dark; lia | lia].
Qed.

(** β is a bias: it moves every pre-activation by β S. *)
Lemma circular_background h L m w beta phi j : (h < m)%N -> (m + h <= L)%N -> (j < size L)%N ->
  circular h L w (on_background L beta m phi) j =
    beta * S h w + preactivation h L w (pulse L m phi) j.
Proof.
move=> hm mL jN; rewrite -circular_pulse // /circular /S /C big_distrr -big_split /=.
by apply: eq_bigr => u _; rewrite /on_background; by_ring F.
Qed.

(** ** The plateau law on a background, with the sub-pixel term between half-integers *)
Theorem background_law g h L m w beta phi : (h < m)%N -> (m + h <= L)%N ->
  let g_beta := fun z => g (beta * S h w + z) in
  \sum_(0 <= j < size L) g (circular h L w (on_background L beta m phi) j) =
    (size L)%:R * g (beta * S h w)
    + 2%:R * radius m phi * (g ((beta + 1) * S h w) - g (beta * S h w))
    + kappa g_beta h w + deviation g_beta h w phi.
Proof.
move=> hm mL g_beta; have := subpixel_law g_beta w phi hm mL.
rewrite response_pooled => /(canRL (subrK _)).
rewrite /slope /g_beta addr0 => law.
transitivity (\sum_(0 <= j < size L) g_beta (preactivation h L w (pulse L m phi) j)).
  by apply: eq_big_nat => j /andP[_ jN]; rewrite circular_background.
by rewrite law [(beta + 1) * _]mulrDl mul1r; by_ring F.
Qed.

Lemma sum_lt (f g : nat -> F) n : (forall j, (j < n.+1)%N -> f j < g j) ->
  \sum_(0 <= j < n.+1) f j < \sum_(0 <= j < n.+1) g j.
Proof.
elim: n => [|n IH] below; first by rewrite !big_nat1 below.
rewrite big_nat_recr //= [X in _ < X]big_nat_recr //=.
by apply: ltr_add; [apply: IH => j jn; apply: below; lia | exact: below].
Qed.

(** ** One channel *)
Section OneChannel.
Variables (h L : nat) (w : nat -> F) (a b c : F) (sigma : F -> F).
Hypothesis monotone : {homo sigma : y z / y < z} \/ {homo sigma : y z / y < z >-> z < y}.

Definition ring_answer beta m phi : F :=
  c + a * \sum_(0 <= j < size L) sigma (circular h L w (on_background L beta m phi) j + b).

(** It ignores one change of the background at one radius only if S = 0 or a = 0. *)
Theorem ignores_background beta beta' m phi : (h < m)%N -> (m + h <= L)%N -> beta != beta' ->
  ring_answer beta m phi = ring_answer beta' m phi -> (S h w == 0) || (a == 0).
Proof.
move=> hm mL different /addrI; apply: contra_eqT; rewrite negb_or => /andP[S0 a0].
apply/negP => /eqP/(mulfI a0); move: beta beta' different.
have differ (x y : F) : x * S h w < y * S h w ->
    \sum_(0 <= j < size L) sigma (circular h L w (on_background L x m phi) j + b) !=
    \sum_(0 <= j < size L) sigma (circular h L w (on_background L y m phi) j + b).
  move=> xy; have higher j : (j < size L)%N ->
      circular h L w (on_background L x m phi) j + b < circular h L w (on_background L y m phi) j + b.
    by move=> jN; rewrite !circular_background // !ltr_add2r.
  by case: monotone => rule; [rewrite lt_eqF | rewrite gt_eqF];
    rewrite // sum_lt // => j jN; apply/rule/higher.
move=> x y xy same; have : x * S h w != y * S h w by rewrite (inj_eq (mulIf S0)).
by case/lt_total/orP => /differ; rewrite same eqxx.
Qed.

(** Then it answers the same to all half-integer plateau radii. *)
Theorem blind beta m m' : (h < m)%N -> (m + h <= L)%N -> (h < m')%N -> (m' + h <= L)%N ->
  (S h w == 0) || (a == 0) -> ring_answer beta m 0 = ring_answer beta m' 0.
Proof.
move=> hm mL hm' mL' /orP[] /eqP zero; rewrite /ring_answer ?zero ?mul0r //.
have law k := background_law (fun z => sigma (z + b)) w beta 0 (m := k).
by rewrite !law // !deviation_0 zero !mulr0 subrr !mulr0.
Qed.

(** ** Right on two backgrounds at one half-integer, it is wrong at every other *)
Theorem not_exact beta beta' m m' : (h < m)%N -> (m + h <= L)%N -> (h < m')%N -> (m' + h <= L)%N ->
  beta != beta' -> m != m' ->
  ring_answer beta m 0 = radius m 0 -> ring_answer beta' m 0 = radius m 0 ->
  ring_answer beta m' 0 <> radius m' 0.
Proof.
move=> hm mL hm' mL' bb mm right1 right2 right3.
have same : ring_answer beta m 0 = ring_answer beta' m 0 by rewrite right1 right2.
have := blind beta hm mL hm' mL' (ignores_background hm mL bb same).
rewrite right1 right3 => /addIr/addIr/eqP; rewrite eqr_nat; exact/negP.
Qed.
End OneChannel.
End Ring.
