(** The plateau law: at half-integers the pooled response is 2 r Δ + κ.

    The package's own: theory/pulse/plateau.py; in words: docs/pulse/plateau.md. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal Staircase.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Plateau.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).
Implicit Types (h L m : nat) (w : nat -> F) (g : F -> F).

(** Σ_j [g(z_j) - g(0)] for the signal x. *)
Definition response g h L w (x : nat -> F) : F :=
  \sum_(0 <= j < size L) (g (preactivation h L w x j) - g 0).

(** Δ = g(S) - g(0). *)
Definition slope g h w : F := g (S h w) - g 0.

(** κ = Σ_k [g(C_k) + g(S - C_k) - g(0) - g(S)] over the sums of the first 1, ..., 2 h taps. *)
Definition kappa g h w : F :=
  \sum_(1 <= k < taps h) (g (C w k) + g (S h w - C w k) - g 0 - g (S h w)).

Lemma response_pooled g h L w x : response g h L w x =
  \sum_(0 <= j < size L) g (preactivation h L w x j) - (size L)%:R * g 0.
Proof. by rewrite /response sumrB sumr_const_nat subn0 mulr_natl. Qed.

Lemma C_0 w : C w 0 = 0. Proof. by rewrite /C big_geq. Qed.
Lemma T_n h w : T h w (taps h) = 0. Proof. by rewrite /T big_geq. Qed.
Lemma T_0 h w : T h w 0 = S h w. Proof. by []. Qed.

(** The steps of one edge begin at, or end at, the partial sums between 0 and S and one of these. *)
Lemma bottoms (f : nat -> F) h :
  \sum_(0 <= u < taps h) f u = f 0%N + \sum_(1 <= k < taps h) f k.
Proof. by rewrite big_ltn. Qed.

Lemma tops (f : nat -> F) h :
  \sum_(0 <= u < taps h) f u.+1 = \sum_(1 <= k < taps h) f k + f (taps h).
Proof. by rewrite -(big_add1 _ _ 0%N (taps h).+1 xpredT f) big_nat_recr. Qed.

(** κ counts both staircases: T_k = S - C_k. *)
Lemma kappa_sums g h w : kappa g h w =
  \sum_(1 <= k < taps h) g (C w k) + \sum_(1 <= k < taps h) g (T h w k)
  - (h.*2)%:R * (g 0 + g (S h w)).
Proof.
rewrite /kappa (eq_big_nat _ _ (F2 := fun k => g (C w k) + g (T h w k) - (g 0 + g (S h w)))).
  by rewrite sumrB big_split /= sumr_const_nat subn1 /= mulr_natl.
by move=> k /andP[_ kn]; rewrite T_of_C ?(ltnW kn) //; by_ring F.
Qed.

(** The counts of the positions, as numbers of [F]. *)
Lemma double_count k : (k.*2)%:R = 2%:R * k%:R :> F.
Proof. by rewrite -mul2n natrM. Qed.

Lemma taps_count h : (taps h)%:R = 2%:R * h%:R + 1 :> F.
Proof. by rewrite /taps mulrSr double_count. Qed.

Lemma lit_count h m : (h < m)%N -> (m.*2 - taps h)%:R = 2%:R * m%:R - 2%:R * h%:R - 1 :> F.
Proof.
move=> hm; rewrite natrB; last by lia.
by rewrite taps_count double_count; by_ring F.
Qed.

Lemma dark_count h L m : (m + h <= L)%N ->
  (size L - m.*2 - taps h)%:R = (size L)%:R - 2%:R * m%:R - 2%:R * h%:R - 1 :> F.
Proof.
move=> mL; rewrite -subnDA natrB; last by lia.
by rewrite natrD taps_count double_count; by_ring F.
Qed.

(** ** The plateau law, for every n, m, L, every filter and every function g(z) = σ(z + b) *)
Theorem plateau_law g h L m w : (h < m)%N -> (m + h <= L)%N ->
  response g h L w (pulse L m 0) = 2%:R * radius m 0 * slope g h w + kappa g h w.
Proof.
move=> hm mL; rewrite response_pooled (staircase w 0 hm mL g).
have still (f : nat -> F) : \sum_(0 <= u < taps h) g (f u + 0 * w u) = \sum_(0 <= u < taps h) g (f u).
  by apply: eq_bigr => u _; rewrite mul0r addr0.
rewrite !still kappa_sums (bottoms (fun u => g (C w u))) (tops (fun u => g (T h w u))).
by rewrite C_0 T_n (lit_count hm) (dark_count mL) double_count /radius /slope /half; by_field F.
Qed.
End Plateau.
