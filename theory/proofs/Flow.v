(** The linear cell: what gradient flow never changes, and where it ends.

    The package's own: theory/training/conserved.py, linear_cell.py, flow.py; in words:
    docs/training/conserved.md, docs/training/flow.md.

    There r̂ = c + 2 r θ, θ = Σ_k a_k S_k, so a step of gradient descent or an instant of gradient
    flow, whatever the data, moves the weights by a common number G along
    (a_k, w_{k,u}) -> (S_k, a_k).  That the flow converges is written in docs/training/flow.md, and not
    checked here. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal Staircase Plateau Subpixel Loss.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** ** The linear cell *)
Section LinearCell.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).
Variables (K h L : nat) (w : nat -> nat -> F) (a : nat -> F) (c : F).

Theorem linear_answer m phi : (h < m)%N -> (m + h <= L)%N ->
  answer K h L (fun=> id) w a c (pulse L m phi) =
    c + 2%:R * radius m phi * (\sum_(0 <= k < K) a k * S h (w k)).
Proof.
move=> hm mL; have straight k : deviation id h (w k) phi = 0.
  by apply: big1 => u _; rewrite /chord_deviation; by_ring F.
have flat k : kappa id h (w k) = 0 by apply: big1 => u _; by_ring F.
have offset : beta K h L (fun=> id) w a c = c.
  rewrite /beta big1 ?addr0 // => k _; rewrite flat; by_ring F.
have bent : total_deviation K h (fun=> id) w a phi = 0.
  by apply: big1 => k _; rewrite straight mulr0.
have slopes : alpha K h (fun=> id) w a = 2%:R * (\sum_(0 <= k < K) a k * S h (w k)) - 1.
  by rewrite /alpha; congr (_ * _ - 1); apply: eq_bigr => k _; rewrite /slope subr0.
have := decomposition K (fun=> id) w a c phi hm mL => /(canRL (subrK _)) ->.
by rewrite offset bent slopes; by_ring F.
Qed.
End LinearCell.

(** ** What a step changes: nothing, or at second order in G alone *)
Section Conserved.
Variable F : realFieldType.
Add Field field_of_F' : (field_laws F).
Variables (n : nat) (w : nat -> nat -> F) (a : nat -> F) (G : F).
Hypothesis n_gt0 : (0 < n)%N.

(** S_k, and the weights after the step. *)
Definition sum_taps (v : nat -> F) : F := \sum_(0 <= u < n) v u.
Definition moved_tap k u : F := w k u + G * a k.
Definition moved_readout k : F := a k + G * sum_taps (w k).

Lemma sum_moved k : sum_taps (moved_tap k) = sum_taps (w k) + n%:R * (G * a k).
Proof. by rewrite /sum_taps big_split /= sumr_const_nat subn0 mulr_natl. Qed.

Let n0 : n%:R != 0 :> F. Proof. by rewrite pnatr_eq0 -lt0n. Qed.

(** w_{k,u} - S_k / n *)
Theorem deviation_conserved k u :
  moved_tap k u - sum_taps (moved_tap k) / n%:R = w k u - sum_taps (w k) / n%:R.
Proof. by rewrite sum_moved /moved_tap; by_field F. Qed.

(** a_j a_k - S_j S_k / n *)
Definition even (x s : nat -> F) j k : F := x j * x k - s j * s k / n%:R.

Theorem even_conserved j k :
  even moved_readout (fun i => sum_taps (moved_tap i)) j k =
    even a (fun i => sum_taps (w i)) j k - G ^+ 2 * (n%:R * even a (fun i => sum_taps (w i)) j k).
Proof. by rewrite /even !sum_moved /moved_readout; by_field F. Qed.

(** a_j S_k - a_k S_j *)
Definition odd (x s : nat -> F) j k : F := x j * s k - x k * s j.

Theorem odd_conserved j k :
  odd moved_readout (fun i => sum_taps (moved_tap i)) j k =
    odd a (fun i => sum_taps (w i)) j k - G ^+ 2 * (n%:R * odd a (fun i => sum_taps (w i)) j k).
Proof. by rewrite /odd !sum_moved /moved_readout; by_field F. Qed.

(** a² - |v|² of one channel whose answer is a ℓ(v), with ℓ linear, v = (w, b): every cell of every
    positively homogeneous σ.  The step is G along (a, v) -> (ℓ(v), a ℓ). *)
Theorem homogeneous_conserved d (v l : nat -> F) (x : F) :
  let dot f g := \sum_(0 <= i < d) f i * g i in
  (x + G * dot l v) ^+ 2 - dot (fun i => v i + G * (x * l i)) (fun i => v i + G * (x * l i)) =
    x ^+ 2 - dot v v + G ^+ 2 * (dot l v ^+ 2 - x ^+ 2 * dot l l).
Proof.
move=> dot; have -> : dot (fun i => v i + G * (x * l i)) (fun i => v i + G * (x * l i)) =
    dot v v + 2%:R * (G * x) * dot l v + (G * x) ^+ 2 * dot l l.
  rewrite /dot !big_distrr -!big_split /=; apply: eq_bigr => i _; by_ring F.
by by_ring F.
Qed.
End Conserved.

(** ** The end of the flow *)
Section End.
Variable F : rcfType.
Add Field field_of_F'' : (field_laws F).
Variables (K n : nat) (w : nat -> nat -> F) (a : nat -> F).
Hypothesis n_gt0 : (0 < n)%N.

Definition root : F := Num.sqrt n%:R.
Notation S k := (sum_taps n (w k)).

(** Light-cone coordinates u_k = a_k + S_k / √n, v_k = a_k - S_k / √n, and U = Σ u_k², W = Σ v_k². *)
Definition cone_u k : F := a k + S k / root.
Definition cone_v k : F := a k - S k / root.
Definition squares (x : nat -> F) : F := \sum_(0 <= k < K) x k ^+ 2.

(** The weights after u was multiplied by A and v by B. *)
Definition unfold_a (A B : F) k : F := (A * cone_u k + B * cone_v k) / 2%:R.
Definition unfold_S (A B : F) k : F := root * (A * cone_u k - B * cone_v k) / 2%:R.
Definition unfold_w (A B : F) k u : F := w k u + (unfold_S A B k - S k) / n%:R.

Let n0 : n%:R != 0 :> F. Proof. by rewrite pnatr_eq0 -lt0n. Qed.
Lemma root_gt0 : 0 < root. Proof. by rewrite sqrtr_gt0 ltr0n. Qed.
Lemma root_square : root * root = n%:R. Proof. by rewrite -expr2 sqr_sqrtr // ler0n. Qed.
Let root0 : root != 0. Proof. by rewrite gt_eqF // root_gt0. Qed.

(** The curve begins at the start, and its taps have the sums that it says. *)
Theorem unfold_start k u : unfold_a 1 1 k = a k /\ unfold_w 1 1 k u = w k u.
Proof.
have start_S : unfold_S 1 1 k = S k.
  by rewrite /unfold_S /cone_u /cone_v; by_field F.
by rewrite /unfold_w start_S subrr mul0r addr0 /unfold_a /cone_u /cone_v; split=> //; by_field F.
Qed.

Theorem unfold_sum A B k : sum_taps n (unfold_w A B k) = unfold_S A B k.
Proof.
have -> : sum_taps n (unfold_w A B k) = S k + n%:R * ((unfold_S A B k - S k) / n%:R).
  rewrite /sum_taps big_split /=; congr (_ + _).
  by rewrite (sum_constant (v := (unfold_S A B k - S k) / n%:R)) // subn0.
by by_field F.
Qed.

(** The curve follows the flow: when A grows by the factor 1 + e and B falls by it, a_k moves by
    e S_k / √n and S_k by e √n a_k, up to second order in e. *)
Theorem unfold_follows A B e k : 1 + e != 0 ->
  unfold_a (A * (1 + e)) (B / (1 + e)) k - unfold_a A B k =
    e * (unfold_S A B k / root) + e ^+ 2 * (B * cone_v k / (2%:R * (1 + e))) /\
  unfold_S (A * (1 + e)) (B / (1 + e)) k - unfold_S A B k =
    e * (root * unfold_a A B k) - e ^+ 2 * (root * B * cone_v k / (2%:R * (1 + e))).
Proof. by move=> e0; split; rewrite /unfold_S /unfold_a; by_field F. Qed.

(** θ along it. *)
Definition theta (A B : F) : F := \sum_(0 <= k < K) unfold_a A B k * unfold_S A B k.

Lemma theta_squares A B :
  theta A B = root * (squares cone_u * A ^+ 2 - squares cone_v * B ^+ 2) / 4%:R.
Proof.
rewrite /theta /squares !big_distrl -sumrB big_distrr big_distrl /=; apply: eq_bigr => k _.
have -> : 4%:R^-1 = 2%:R^-1 * 2%:R^-1 :> F by rewrite -invfM -natrM.
by rewrite /unfold_a /unfold_S; by_ring F.
Qed.

(** E, the only positive root of √n U E² - 2 E - √n W = 0, where √n (U E - W / E) = 2. *)
Definition stretch (U W : F) : F := (1 + Num.sqrt (1 + n%:R * U * W)) / (root * U).

Theorem stretch_unique (U W e : F) : 0 < U -> 0 <= W -> 0 < e ->
  root * (U * e - W / e) = 2%:R <-> e = stretch U W.
Proof.
move=> U0 W0 e0; have r0 := root_gt0.
have rad0 : 0 <= 1 + n%:R * U * W.
  by rewrite addr_ge0 ?ler01 // !mulr_ge0 // ?ler0n // ltW.
set s := Num.sqrt (1 + n%:R * U * W).
have ss : s * s = 1 + n%:R * U * W by rewrite -expr2 sqr_sqrtr.
have s1 : 1 <= s by rewrite -(ler_sqr _ _) ?nnegrE ?sqrtr_ge0 ?ler01 // expr1n expr2 ss ler_addl !mulr_ge0 // ?ler0n // ltW.
have U_neq0 : U != 0 by rewrite gt_eqF.
have e_neq0 : e != 0 by rewrite gt_eqF.
(* both sides say (√n U e - 1)² = s² *)
have equation : root * (U * e - W / e) = 2%:R <->
    (root * U * e - 1 - s) * (root * U * e - 1 + s) = 0.
  have -> : (root * U * e - 1 - s) * (root * U * e - 1 + s) =
      (root * U * e) * (root * (U * e - W / e) - 2%:R).
    transitivity ((root * U * e - 1) ^+ 2 - s * s); first by by_ring F.
    by rewrite ss -root_square; by_field F.
  split=> [-> | /eqP]; first by rewrite subrr mulr0.
  rewrite mulf_eq0 => /orP[|/eqP/subr0_eq//].
  by rewrite !mulf_eq0 (negPf root0) (negPf U_neq0) (negPf e_neq0).
rewrite equation /stretch -/s; split=> [/eqP|->]; last first.
  by rewrite mulrC (_ : root * U * _ - 1 - s = 0) ?mulr0 //; by_field F.
rewrite mulf_eq0 => /orP[] /eqP h.
  by rewrite -[1 + s](_ : root * U * e = _); [by_field F | apply/subr0_eq; rewrite -[RHS]h; by_ring F].
have positive : 0 < root * U * e by rewrite !mulr_gt0.
have : root * U * e = 1 - s by apply/subr0_eq; rewrite -[RHS]h; by_ring F.
by move=> bad; move: positive; rewrite bad subr_gt0 ltNge s1.
Qed.

(** ** At E the readout is exact: θ = 1/2, on the curve and nowhere else on it *)
Theorem end_of_flow (A : F) : 0 < squares cone_u -> 0 < A ->
  theta A A^-1 = 2%:R^-1 <-> A ^+ 2 = stretch (squares cone_u) (squares cone_v).
Proof.
move=> U0 A0; have A_neq0 : A != 0 by rewrite gt_eqF.
rewrite theta_squares -stretch_unique ?exprn_gt0 //; last first.
  by apply: sumr_ge0 => k _; apply: sqr_ge0.
have -> : 2%:R^-1 = 2%:R / 4%:R :> F.
  by rewrite [4%:R](natrM F 2 2) invfM mulrA divff ?mul1r // pnatr_eq0.
rewrite exprVn; split=> [|-> //]; apply: mulIf; by rewrite invr_eq0 pnatr_eq0.
Qed.

(** Along the curve, A B = 1, the quadratic quantities do not change at all. *)
Theorem curve_conserves A B j k : A * B = 1 ->
  even n (unfold_a A B) (unfold_S A B) j k = even n a (fun i => S i) j k /\
  odd (unfold_a A B) (unfold_S A B) j k = odd a (fun i => S i) j k.
Proof.
move=> AB; have A_neq0 : A != 0.
  by apply: contra_eq_neq AB => ->; rewrite mul0r eq_sym oner_eq0.
have -> : B = A^-1 by rewrite -[LHS]mul1r -(mulVf A_neq0) -mulrA AB mulr1.
rewrite /even /odd -root_square /unfold_a /unfold_S /cone_u /cone_v; split; by_field F.
Qed.
End End.

(** ** The network at the end of the flow is exact at every plateau radius *)
Theorem end_is_exact (F : rcfType) K h L (w : nat -> nat -> F) (a : nat -> F) (A : F) m phi :
  let n := taps h in let U := squares K (cone_u n w a) in let W := squares K (cone_v n w a) in
  0 < U -> 0 < A -> A ^+ 2 = stretch n U W -> (h < m)%N -> (m + h <= L)%N ->
  answer K h L (fun=> id) (unfold_w n w a A A^-1) (unfold_a n w a A A^-1) 0 (pulse L m phi) =
    radius m phi.
Proof.
move=> n U W U0 A0 hA hm mL; have n0 : (0 < n)%N by [].
rewrite (linear_answer K _ _ 0 phi hm mL) add0r.
have sums k : S h (unfold_w n w a A A^-1 k) = unfold_S n w a A A^-1 k by apply: unfold_sum.
rewrite (eq_bigr _ (fun k _ => congr1 _ (sums k))) -/(theta K n w a A A^-1).
by rewrite (end_of_flow n0 U0 A0).2 // mulrAC divff ?mul1r // pnatr_eq0.
Qed.
