(** Certificates over the real numbers of Coq's library.

    Certificate.v speaks of every ordered field.  The real numbers are one, the absolute value and
    the rational numbers there are the usual ones, and the integral is Riemann's. *)

From Coq Require Import Reals Lra Lia QArith Qreals Field InitialRing.
From Everyweight Require Import Certificate.
Local Open Scope R_scope.

Definition Rleb (x y : R) : bool := if Rle_dec x y then true else false.

Lemma Rleb_le x y : Rleb x y = true <-> x <= y.
Proof. unfold Rleb. destruct (Rle_dec x y); split; congruence || tauto. Qed.

(** The real numbers are an ordered field. *)
Definition reals : ordered_field.
Proof.
  refine (@OrderedField R 0 1 Rplus Rmult Rminus Ropp Rdiv Rinv Rleb Rfield _ _ _ _ _);
    intros; repeat match goal with h : Rleb _ _ = true |- _ => apply Rleb_le in h end;
    rewrite ?Rleb_le; try lra.
  apply Rmult_le_pos; assumption.
Defined.

Lemma of_Z_reals k : of_Z reals k = IZR k.
Proof.
  induction k as [|k IH|k IH] using Z.peano_ind; [reflexivity| |].
  - unfold Z.succ. rewrite Z_add, IH, plus_IZR. reflexivity.
  - unfold Z.pred. rewrite Z_add, IH, plus_IZR. reflexivity.
Qed.

Lemma of_Q_reals q : of_Q reals q = Q2R q.
Proof. unfold of_Q, Q2R. rewrite !of_Z_reals. reflexivity. Qed.

Lemma abs_reals x : abs reals x = Rabs x.
Proof.
  unfold abs. destruct (le reals (zero reals) x) eqn:e.
  - apply Rleb_le in e. cbn in e. rewrite Rabs_pos_eq; auto.
  - destruct (Rle_lt_dec 0 x) as [h|h]; [apply Rleb_le in h; cbn in e; congruence|].
    rewrite Rabs_left; auto.
Qed.

Lemma quadratic_integral p q s x y : x <= y ->
  exists i : Riemann_integrable (fun r => p + q * r + s * (r * r)) x y,
    RiemannInt i = p * (y - x) + q * (y * y - x * x) / 2 + s * (y * y * y - x * x * x) / 3.
Proof.
  intros h. set (f := fun r => p + q * r + s * (r * r)).
  set (g := fun r => p * r + q / 2 * (r * r) + s / 3 * (r * r * r)).
  assert (forall r, x <= r <= y -> continuity_pt f r) as c by (intros; unfold f; reg).
  exists (continuity_implies_RiemannInt h c).
  rewrite (RiemannInt_P20 h (FTC_P1 h c) (continuity_implies_RiemannInt h c)).
  assert (antiderivative f g x y) as a.
  { split; [|exact h]. intros r _.
    assert (derivable_pt g r) as d by (unfold g; reg).
    exists d. symmetry. unfold g, f in *. reg. field. }
  destruct (antiderivative_Ucte f _ g x y (RiemannInt_P29 h c) a) as [k e].
  rewrite !e by lra. unfold g. field.
Qed.

Theorem integral_is_Riemann f x z total : integral reals f x z total ->
  exists i : Riemann_integrable f x z, RiemannInt i = total.
Proof.
  induction 1 as [x|x y z p q s more h e _ [i' <-]].
  - exists (RiemannInt_P7 f x). apply RiemannInt_P9.
  - apply Rleb_le in h. destruct (quadratic_integral p q s x y h) as [i v].
    assert (forall r, x <= r <= y -> f r = p + q * r + s * (r * r)) as e'.
    { intros r [h1 h2]. apply Rleb_le in h1. apply Rleb_le in h2. exact (e r h1 h2). }
    assert (Riemann_integrable f x y) as j.
    { apply Riemann_integrable_ext with (2 := i). intros r.
      rewrite Rmin_left, Rmax_right by exact h. intros hr. symmetry. exact (e' r hr). }
    assert (RiemannInt j = RiemannInt i) as w.
    { apply RiemannInt_P18; [exact h|]. intros r hr. apply e'. lra. }
    exists (RiemannInt_P24 j i').
    rewrite <- (RiemannInt_P26 j i' (RiemannInt_P24 j i')), w, v. reflexivity.
Qed.

(** The mean of f from x to z lies between the two ends. *)
Definition mean_between (f : R -> R) (x z : R) (ends : Q * Q) : Prop :=
  exists i : Riemann_integrable f x z,
    Q2R (fst ends) * (z - x) <= RiemannInt i <= Q2R (snd ends) * (z - x).

Lemma mean_reals f x z ends :
  (exists total, integral reals f x z total
     /\ within reals (of_Q reals (fst ends) * (z - x)) (of_Q reals (snd ends) * (z - x)) total) ->
  mean_between f x z ends.
Proof.
  intros [total [h [l u]]]. destruct (integral_is_Riemann f x z total h) as [i <-]. exists i.
  rewrite !of_Q_reals in l, u. split; apply Rleb_le; assumption.
Qed.

(** What an accepted certificate says of the real numbers. *)
Theorem check_sound_reals c : check c = true ->
  let x := Q2R (low c) in
  let z := Q2R (high c) in
  let error := fun r => rhat reals c r - r in
  (forall r, x <= r <= z -> Rabs (error r) <= Q2R (snd (worst c)))
  /\ Rabs (error (Q2R (radius c))) = Q2R (snd (worst c))
  /\ mean_between error x z (mean c)
  /\ mean_between (fun r => error r * error r) x z (mean_square c).
Proof.
  intros h x z error. unfold x, z. rewrite <- !of_Q_reals, <- abs_reals.
  destruct (check_sound reals c h) as [k [_ [e [w [m s]]]]]. repeat split.
  - intros r [l u]. rewrite <- abs_reals. apply Rleb_le, k. split; apply Rleb_le; assumption.
  - rewrite <- w. exact e.
  - apply mean_reals, m.
  - apply mean_reals, s.
Qed.
