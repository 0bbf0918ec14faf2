(** The staircase: all that a filter shows of a pulse are the partial sums of its taps.

    The package's own: theory/pulse/staircase.py, theory/pulse/network.py; in words:
    docs/pulse/staircase.md.

    A filter has n = 2 h + 1 taps, [w 0, ..., w (n - 1)]; the package counts them from -h, so its
    w_u, C_u and T_u are [w (u + h)], [C (u + h + 1)] and [T (u + h)] here. *)

From Coq Require Import ZArith ZifyClasses ZifyInst.
From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** n = 2 h + 1 taps; N = 2 L + 1 pixels. *)
Definition taps (h : nat) : nat := h.*2.+1.
Definition size (L : nat) : nat := L.*2.+1.

Lemma taps_Z h : Z.of_nat (taps h) = Z.add (Z.mul 2 (Z.of_nat h)) 1.
Proof. by rewrite /taps; lia. Qed.

#[global] Instance zify_taps : UnOp taps := { TUOp := fun h => Z.add (Z.mul 2 h) 1; TUOpInj := taps_Z }.
Add Zify UnOp zify_taps.
#[global] Instance zify_size : UnOp size := { TUOp := fun h => Z.add (Z.mul 2 h) 1; TUOpInj := taps_Z }.
Add Zify UnOp zify_size.

Section Definitions.
Variable F : realFieldType.
Implicit Types (w x g : nat -> F) (h L k u j : nat).

(** The signal with h zeros before it and zeros behind it. *)
Definition padded h L x k : F := if (h <= k < h + size L)%N then x (k - h)%N else 0.

(** z_j = Σ_u w_u x(j + u - h), cross-correlation with zero padding. *)
Definition preactivation h L w x j : F := \sum_(0 <= u < taps h) w u * padded h L x (j + u).

(** C k: the sum of the first k taps.  T k: the sum of all taps but these.  S: of all. *)
Definition C w k : F := \sum_(0 <= u < k) w u.
Definition T h w k : F := \sum_(k <= u < taps h) w u.
Definition S h w : F := C w (taps h).
End Definitions.

Section Staircase.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).
Variables (h L m : nat) (w : nat -> F) (phi : F).
Hypotheses (plateau : (h < m)%N) (inside : (m + h <= L)%N).

Notation n := (taps h).
Notation z := (preactivation h L w (pulse L m phi)).

Lemma C_step k : C w k.+1 = C w k + w k.
Proof. by rewrite /C big_nat_recr. Qed.

Lemma T_step k : (k < n)%N -> T h w k = T h w k.+1 + w k.
Proof. by move=> kn; rewrite /T (big_ltn kn) addrC. Qed.

(** The package's T_{j+1} = S - C_j. *)
Lemma T_of_C k : (k <= n)%N -> T h w k = S h w - C w k.
Proof. by move=> kn; rewrite /S /C (big_cat_nat _ _ _ (leq0n k) kn) /= addrC addrA addNr add0r. Qed.

(** Under the filter: the pulse with its zeros, seen from [h] pixels farther left. *)
Notation light := (padded h L (pulse L m phi)).

Lemma light_lit k : (L + h < k + m)%N -> (k < L + h + m)%N -> light k = 1.
Proof.
by move=> a b; rewrite /padded ifT; [apply: pulse_lit; lia | lia].
Qed.

Lemma light_border k : (k + m == L + h)%N || (k == L + h + m)%N -> light k = phi.
Proof.
by move=> a; rewrite /padded ifT; [apply: pulse_border; lia | lia].
Qed.

Lemma light_dark k : (k + m < L + h)%N || (L + h + m < k)%N -> light k = 0.
Proof.
by move=> a; rewrite /padded; case: ifP => // b; apply: pulse_dark; lia.
Qed.

(** A sum over the taps of which the border pixel meets the tap u: those before it and behind it
    see constant light. *)
Lemma divided u j before behind : (u < n)%N ->
  (forall v, (v < u)%N -> light (j + v) = before) -> light (j + u) = phi ->
  (forall v, (u < v)%N && (v < n)%N -> light (j + v) = behind) ->
  z j = before * C w u + phi * w u + behind * T h w u.+1.
Proof.
move=> un hb hu ha; rewrite /preactivation (big_cat_nat _ _ _ (leq0n u) (ltnW un)) /=.
rewrite (big_ltn un) addrA hu /C /T !big_distrr /=.
congr (_ + _ + _); [apply: eq_big_nat | exact: mulrC | apply: eq_big_nat] => v hv.
  by rewrite hb 1?mulrC //; lia.
by rewrite ha 1?mulrC.
Qed.

(** The four kinds of positions; at an edge the border pixel meets the tap u = 2 h - t. *)
Lemma left_edge t u : (t + u = h.*2)%N -> z (L - m - h + t)%N = T h w u.+1 + phi * w u.
Proof.
move=> e; rewrite (@divided u _ 0 1) ?mul0r ?mul1r ?add0r 1?addrC //.
- by lia.
- by move=> v hv; apply: light_dark; lia.
- by apply: light_border; lia.
- by move=> v hv; apply: light_lit; lia.
Qed.

Lemma right_edge t u : (t + u = h.*2)%N -> z (L + m - h + t)%N = C w u + phi * w u.
Proof.
move=> e; rewrite (@divided u _ 1 0) ?mul0r ?mul1r ?addr0 //.
- by lia.
- by move=> v hv; apply: light_lit; lia.
- by apply: light_border; lia.
- by move=> v hv; apply: light_dark; lia.
Qed.

Lemma on_pulse j : (L - m + h < j)%N -> (j < L + m - h)%N -> z j = S h w.
Proof.
by move=> a b; apply: eq_big_nat => v hv; rewrite light_lit ?mulr1 //; lia.
Qed.

Lemma on_background j : (j < L - m - h)%N || (L + m + h < j)%N -> z j = 0.
Proof.
move=> a; apply: big1_seq => v /andP[_]; rewrite mem_index_iota => hv.
by rewrite light_dark ?mulr0 //; lia.
Qed.

(** ** The staircase, as a multiset: every sum over the positions, for whatever function of the
    pre-activation *)
Theorem staircase (g : F -> F) :
  \sum_(0 <= j < size L) g (z j) =
    \sum_(0 <= u < n) g (C w u + phi * w u) + \sum_(0 <= u < n) g (T h w u.+1 + phi * w u)
    + (m.*2 - n)%:R * g (S h w) + (size L - m.*2 - n)%:R * g 0.
Proof.
have edge (f : nat -> F) (v : nat -> F) a : (forall t, (t < n)%N -> f (a + t)%N = v (n - t.+1)%N) ->
    \sum_(a <= j < a + n) f j = \sum_(0 <= u < n) v u.
  move=> e; rewrite -{1}[a]add0n big_addn addKn.
  rewrite [RHS]big_nat_rev /=; apply: eq_big_nat => t ht.
  by rewrite addnC e ?add0n //; lia.
rewrite (@big_cat_nat _ _ _ (L - m - h)) //=; last by lia.
rewrite (@big_cat_nat _ _ _ (L - m - h + n) (L - m - h)) //=; try by lia.
rewrite (@big_cat_nat _ _ _ (L + m - h) (L - m - h + n)) //=; try by lia.
rewrite (@big_cat_nat _ _ _ (L + m - h + n) (L + m - h)) //=; try by lia.
rewrite (@sum_constant _ 0%N _ _ (g 0)) => [|j hj]; last by rewrite on_background //; lia.
rewrite (edge _ (fun u => g (T h w u.+1 + phi * w u)) (L - m - h)%N) => [|t ht]; last by rewrite (@left_edge t (n - t.+1)) //; lia.
rewrite (@sum_constant _ _ (L + m - h) _ (g (S h w))) => [|j hj]; last first.
  by rewrite on_pulse //; lia.
rewrite (edge _ (fun u => g (C w u + phi * w u)) (L + m - h)%N) => [|t ht]; last by rewrite (@right_edge t (n - t.+1)) //; lia.
rewrite (@sum_constant _ (L + m - h + n)%N _ _ (g 0)) => [|j hj]; last first.
  by rewrite on_background //; lia.
have -> : (L + m - h - (L - m - h + n) = m.*2 - n)%N by lia.
rewrite (_ : size L - m.*2 - n = (L - m - h - 0) + (size L - (L + m - h + n)))%N; last first.
  by lia.
by rewrite natrD; by_ring F.
Qed.
End Staircase.
