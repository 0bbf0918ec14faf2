(** The error of a network is α r + β + D(φ); it is exact if and only if three laws hold.

    The package's own: theory/pulse/loss.py; in words: docs/pulse/loss.md. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal Staircase Plateau Subpixel.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Loss.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).

(** K channels with the taps [w k] and the readout weights [a k]; channel k applies the function
    [g k].  In a network with one activation σ and biases b it is g_k(z) = σ(z + b_k). *)
Variables (K h L : nat) (g : nat -> F -> F) (w : nat -> nat -> F) (a : nat -> F) (c : F).
Implicit Types (m i : nat) (phi r : F).

(** r̂(x) = c + Σ_k a_k Σ_j g_k(z_{k,j}): sum pooling. *)
Definition answer (x : nat -> F) : F :=
  c + \sum_(0 <= k < K) a k * \sum_(0 <= j < size L) g k (preactivation h L (w k) x j).

(** The slope error α, the offset error β and the sub-pixel error D(φ). *)
Definition alpha : F := 2%:R * (\sum_(0 <= k < K) a k * slope (g k) h (w k)) - 1.
Definition beta : F :=
  c + \sum_(0 <= k < K) a k * ((size L)%:R * g k 0 + kappa (g k) h (w k)).
Definition total_deviation phi : F :=
  \sum_(0 <= k < K) a k * deviation (g k) h (w k) phi.

(** ** The decomposition: slope error, offset error, sub-pixel error, and nothing else *)
Theorem decomposition m phi : (h < m)%N -> (m + h <= L)%N ->
  answer (pulse L m phi) - radius m phi =
    alpha * radius m phi + beta + total_deviation phi.
Proof.
move=> hm mL; rewrite /answer /alpha /beta /total_deviation.
rewrite (eq_bigr (fun k => 2%:R * radius m phi * (a k * slope (g k) h (w k))
    + a k * ((size L)%:R * g k 0 + kappa (g k) h (w k)) + a k * deviation (g k) h (w k) phi)).
  by rewrite !big_split /= -big_distrr /=; by_ring F.
move=> k _; have := subpixel_law (g k) (w k) phi hm mL.
by rewrite response_pooled => /(canRL (subrK _)) ->; by_ring F.
Qed.

(** ** The mean squared error, over any distribution of radii, is a quadratic form in them: radius
    [r i] and deviation [d i] have the weight [p i] *)
Theorem mean_square (n : nat) (p r d : nat -> F) (A B : F) :
  let E f := \sum_(0 <= i < n) p i * f i in E (fun=> 1) = 1 ->
  E (fun i => (A * r i + B + d i) ^+ 2) =
    A ^+ 2 * E (fun i => r i ^+ 2) + B ^+ 2 + E (fun i => d i ^+ 2)
    + 2%:R * A * B * E r + 2%:R * A * E (fun i => r i * d i) + 2%:R * B * E d.
Proof.
move=> E one; have offset : B ^+ 2 = B ^+ 2 * E (fun=> 1) by rewrite one mulr1.
rewrite [in RHS]offset /E !big_distrr -!big_split /=.
by apply: eq_bigr => i _; by_ring F.
Qed.

(** ** Exact at two neighbouring half-integers if and only if the slope and the offset law hold *)
Theorem exact_at_half_integers m : (h < m)%N -> (m + h < L)%N ->
  answer (pulse L m 0) = radius m 0 /\ answer (pulse L m.+1 0) = radius m.+1 0
  <-> alpha = 0 /\ beta = 0.
Proof.
move=> hm mL; have next : (h < m.+1)%N by lia.
have := decomposition 0 hm (ltnW mL); have := decomposition 0 next mL.
have -> : total_deviation 0 = 0.
  by apply: big1 => k _; rewrite deviation_0 mulr0.
have -> : radius m.+1 0 = radius m 0 + 1 :> F by rewrite /radius mulrSr; by_ring F.
move=> e1 e0; split=> [[h0 h1] | [h0 h1]]; last first.
  by move: e0 e1; rewrite h0 h1 !mul0r !addr0 => /subr0_eq-> /subr0_eq->.
rewrite h0 h1 !subrr !addr0 in e0 e1.
have a0 : alpha = 0.
  have -> : alpha = alpha * (radius m 0 + 1) + beta - (alpha * radius m 0 + beta) by by_ring F.
  by rewrite -e1 -e0 subrr.
by split=> //; rewrite a0 mul0r add0r in e0.
Qed.

(** At φ = 1 the pulse is that of the next half-integer: a cell holds two of them. *)
Lemma cell_end m : answer (pulse L m 1) = answer (pulse L m.+1 0).
Proof.
rewrite /answer; congr (_ + _); apply: eq_bigr => k _; congr (_ * _); apply: eq_bigr => j _.
congr (g k _); apply: eq_bigr => u _; congr (_ * _); rewrite /padded.
by case: ifP => // _; rewrite /pulse pixel_full.
Qed.

Definition exact_on_cell m : Prop :=
  forall phi, 0 <= phi <= 1 -> answer (pulse L m phi) = radius m phi.

Definition three_laws : Prop :=
  [/\ alpha = 0, beta = 0 & forall phi, 0 <= phi <= 1 -> total_deviation phi = 0].

(** ** Exact on two half-integers and every radius between them if and only if three laws hold *)
Theorem exact_iff m : (h < m)%N -> (m + h <= L)%N -> exact_on_cell m <-> three_laws.
Proof.
move=> hm mL; split=> [exact | [a0 b0 d0] phi hphi]; last first.
  apply/subr0_eq; rewrite (decomposition phi hm mL) a0 b0 d0 //.
  by rewrite mul0r !addr0.
have error phi : 0 <= phi <= 1 -> alpha * radius m phi + beta + total_deviation phi = 0.
  by move=> hphi; rewrite -(decomposition phi hm mL) exact ?subrr.
have zero_one : (0 : F) <= 0 <= (1 : F) by rewrite lexx ler01.
have one_one : (0 : F) <= 1 <= (1 : F) by rewrite ler01 lexx.
have e0 := error _ zero_one; have e1 := error _ one_one.
have ends phi : phi = 0 \/ phi = 1 -> total_deviation phi = 0.
  by case=> ->; apply: big1 => k _; rewrite ?deviation_0 ?deviation_1 mulr0.
rewrite !ends ?addr0 in e0 e1; [|by right|by left].
have a0 : alpha = 0.
  have -> : alpha = alpha * radius m 1 + beta - (alpha * radius m 0 + beta).
    by rewrite /radius; by_ring F.
  by rewrite e0 e1 subrr.
have b0 : beta = 0 by rewrite a0 mul0r add0r in e0.
by split=> // phi hphi; move: (error _ hphi); rewrite a0 b0 mul0r !add0r.
Qed.

(** ** Hence one cell decides for all plateau radii *)
Corollary exact_everywhere : (h.*2 < L)%N ->
  (forall m, (h < m)%N -> (m + h <= L)%N -> exact_on_cell m) <-> three_laws.
Proof.
move=> hL; split=> [exact | laws m hm mL]; last by apply/exact_iff.
by have hm : (h.+1 + h <= L)%N by [lia]; apply/(exact_iff (ltnSn h) hm)/exact.
Qed.
End Loss.

(** Mean pooling is sum pooling with a_k / N in place of a_k. *)
Theorem mean_pooling (F : realFieldType) K h L g w (a : nat -> F) c x :
  c + \sum_(0 <= k < K)
    a k * ((\sum_(0 <= j < size L) g k (preactivation h L (w k) x j)) / (size L)%:R) =
  answer K h L g w (fun k => a k / (size L)%:R) c x.
Proof. by congr (_ + _); apply: eq_bigr => k _; rewrite mulrA mulrAC. Qed.
