(** The cells of one channel with its kink at 0: a threshold cell has codimension 2 or more.

    The package's own: theory/pulse/kinks.py, [cell]; in words: docs/pulse/kinks.md.

    A value of the staircases is b plus the sum of the first, or of the last, k taps. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal Staircase Plateau Subpixel Loss Kinks.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** ** Two values that vanish, on a path that skips the kink *)
Section Paths.
Variable F : realFieldType.
Implicit Types (f : nat -> F) (n i j k : nat).

(** Neighbours never have strictly opposite signs. *)
Definition skips f n : Prop := forall u, (u < n)%N -> ~~ crossed (f u) (f u.+1) 0.

Lemma skips_opp f n : skips f n -> skips (fun u => - f u) n.
Proof.
move=> s u un; rewrite /crossed !oppr_gt0 !oppr_lt0 orbC andbC [X in _ || X]andbC.
exact: s.
Qed.

Lemma zero_between f n i j : skips f n -> (i < j)%N -> (j <= n)%N -> 0 < f i -> f j < 0 ->
  exists2 k, (i < k < j)%N & f k = 0.
Proof.
move=> s ij jn fi fj; have some : exists k, (i < k)%N && (f k <= 0).
  by exists j; rewrite ij ltW.
case: (ex_minnP some) => k /andP[ik fk] least.
have kj : (k <= j)%N by apply: least; rewrite ij ltW.
have before : 0 < f k.-1.
  have [e | ik'] := eqVneq i k.-1; first by rewrite -e.
  rewrite ltNge; apply/negP => low; have : (k <= k.-1)%N by apply: least; rewrite low; lia.
  by lia.
have := s k.-1; rewrite prednK; last by lia.
move=> /(_ (leq_trans kj jn)); rewrite /crossed before andbT negb_or -leNgt => /andP[_ fk'].
have zero : f k = 0 by apply/eqP; rewrite eq_le fk fk'.
exists k => //; rewrite ik ltn_neqAle kj andbT; apply/eqP => e.
by move: fj; rewrite -e zero ltxx.
Qed.

Lemma zero_between_up f n i j : skips f n -> (i < j)%N -> (j <= n)%N -> f i < 0 -> 0 < f j ->
  exists2 k, (i < k < j)%N & f k = 0.
Proof.
move=> /skips_opp s ij jn fi fj.
have [||k ikj e] := zero_between s ij jn; rewrite ?oppr_gt0 ?oppr_lt0 //.
by exists k => //; apply/eqP; rewrite -oppr_eq0 e.
Qed.

(** A dip below two ends that do not lie below 0 passes it twice. *)
Lemma two_zeros f n j : skips f n -> (j <= n)%N -> 0 <= f 0%N -> 0 <= f n -> f j < 0 ->
  exists i k, [/\ (i < k <= n)%N, f i = 0 & f k = 0].
Proof.
move=> s jn f0 fn fj.
have j0 : (0 < j)%N by rewrite lt0n; apply/eqP => e; move: fj; rewrite e ltNge f0.
have jn' : (j < n)%N by rewrite ltn_neqAle jn andbT; apply/eqP => e; move: fj; rewrite e ltNge fn.
have [i ij fi] : exists2 i, (i < j)%N & f i = 0.
  move: f0; rewrite le_eqVlt => /orP[/eqP e | f0]; first by exists 0%N.
  by have [i /andP[_ ij] e] := zero_between s j0 jn f0 fj; exists i.
have [k jk fk] : exists2 k, (j < k <= n)%N & f k = 0.
  move: fn; rewrite le_eqVlt => /orP[/eqP e | fn]; first by exists n; rewrite ?jn' ?leqnn.
  have [k /andP[jk kn] e] := zero_between_up s jn' (leqnn n) fj fn.
  by exists k => //; rewrite jk ltnW.
by exists i, k; split=> //; lia.
Qed.
End Paths.

(** ** Threshold cells *)
Section Cells.
Variable F : realFieldType.
Variable h : nat.
Implicit Types (w : nat -> F) (b x y : F) (A B : pred nat) (k : nat) (last : bool).
Notation n := (taps h).

(** The first k taps, or the last k. *)
Definition members last k : pred nat := fun u => if last then (n - k <= u)%N else (u < k)%N.

(** b + Σ of the taps of a set: a linear form in the weights (w, b). *)
Definition form A w b : F := b + \sum_(0 <= u < n | A u) w u.

Lemma form_first w b k : (k <= n)%N -> form (members false k) w b = b + C w k.
Proof.
move=> kn; rewrite /form /C (big_cat_nat _ _ _ (leq0n k) kn) /=; congr (_ + _).
rewrite [X in _ + X]big_nat_cond [X in _ + X]big1 ?addr0 => [|u]; last by rewrite /members; lia.
by rewrite big_nat_cond [RHS]big_nat_cond; apply: eq_bigl => u; rewrite /members; lia.
Qed.

Lemma form_last w b k : (k <= n)%N -> form (members true k) w b = b + T h w (n - k).
Proof.
move=> kn; rewrite /form /T (big_cat_nat _ _ _ (leq0n (n - k)%N) (leq_subr k n)) /=.
congr (_ + _); rewrite big_nat_cond big1 ?add0r => [|u]; last by rewrite /members; lia.
by rewrite big_nat_cond [RHS]big_nat_cond; apply: eq_bigl => u; rewrite /members; lia.
Qed.

(** Different sets of taps give linearly independent forms. *)
Definition differ A B : Prop := exists2 u, (u < n)%N & A u != B u.

Theorem forms_independent A B x y : differ A B ->
  (forall w b, x * form A w b + y * form B w b = 0) -> x = 0 /\ y = 0.
Proof.
move=> [u un AB] dependent.
have at_b : x + y = 0.
  by have := dependent (fun=> 0) 1; rewrite /form !big1 // !addr0 !mulr1.
have pick D : form D (fun v => (v == u)%:R) 0 = (D u)%:R.
  rewrite /form add0r big_mkcond (bigD1_seq u) ?iota_uniq ?mem_index_iota //= eqxx.
  rewrite big1 => [|v /negPf->]; last by case: ifP.
  by case: (D u); rewrite addr0.
have := dependent (fun v => (v == u)%:R) 0; rewrite !pick.
case: (A u) (B u) AB => [] [] //= _; rewrite ?mulr1 ?mulr0 ?addr0 ?add0r => zero.
  by move: at_b; rewrite zero add0r.
by move: at_b; rewrite zero addr0.
Qed.

(** The values along the two staircases, from b to b + S. *)
Definition value w b last k : F := form (members last k) w b.

Lemma value_0 w b last : value w b last 0 = b.
Proof.
rewrite /value; case: last; rewrite ?form_first ?form_last // ?subn0.
  by rewrite T_n addr0.
by rewrite C_0 addr0.
Qed.

Lemma value_n w b last : value w b last n = b + S h w.
Proof. by rewrite /value; case: last; rewrite ?form_first ?form_last // subnn. Qed.

(** No open step contains the kink; values of both signs occur. *)
Definition straight w b : Prop := forall last, skips (value w b last) n.

(** The same as in Kinks.v, for the kink at 0. *)
Theorem straight_no_crossing w b : straight w b <-> no_crossing h w b 0.
Proof.
have left_step u : (u < n)%N -> value w b false u = C w u + b /\ value w b false u.+1 = C w u.+1 + b.
  by move=> un; rewrite /value !form_first ?[b + _]addrC //; apply: ltnW.
have right_step u v : (u + v = h.*2)%N ->
    value w b true u = T h w v.+1 + b /\ value w b true u.+1 = T h w v + b.
  move=> uv; rewrite /value !form_last; try lia.
  have -> : (n - u)%N = v.+1 by lia.
  by have -> : (n - u.+1)%N = v by [lia]; rewrite ![b + _]addrC.
split=> [s | /allP none last u un].
  apply/allP => x; rewrite mem_cat => /orP[] /mapP[u]; rewrite mem_index_iota => /andP[_ un] -> /=.
    by have [<- <-] := left_step u un; apply: s.
  have un' : (n - u.+1 < n)%N by lia.
  have [] := right_step (n - u.+1)%N u; first by lia.
  by move=> <- <-; apply: s.
case: last.
  have [-> ->] : value w b true u = T h w (n - u.+1).+1 + b /\ value w b true u.+1 = T h w (n - u.+1) + b.
    by apply: right_step; lia.
  apply: (none (T h w (n - u.+1).+1, T h w (n - u.+1)%N)); rewrite mem_cat; apply/orP; right.
  by apply/mapP; exists (n - u.+1)%N => //; rewrite mem_index_iota; lia.
have [-> ->] := left_step u un.
apply: (none (C w u, C w u.+1)); rewrite mem_cat; apply/orP; left.
by apply/mapP; exists u => //; rewrite mem_index_iota.
Qed.

Definition threshold w b : Prop :=
  [/\ straight w b, exists last k, (k <= n)%N /\ 0 < value w b last k
    & exists last k, (k <= n)%N /\ value w b last k < 0].

Lemma same_side last i k : (i < k <= n)%N -> differ (members last i) (members last k).
Proof.
move=> ikn; exists (if last then (n - k)%N else i); first by case: last; lia.
by rewrite /members; case: last; apply/eqP; lia.
Qed.

Lemma other_side i k : (0 < i < n)%N -> (0 < k < n)%N -> differ (members false i) (members true k).
Proof. by move=> hi hk; exists 0%N => //; rewrite /members; apply/eqP; lia. Qed.

Lemma two_vanish w b : threshold w b -> exists l1 k1 l2 k2,
  [/\ (k1 <= n)%N, (k2 <= n)%N, differ (members l1 k1) (members l2 k2),
      value w b l1 k1 = 0 & value w b l2 k2 = 0].
Proof.
case=> s [lp [kp [kpn pos]]] [ln [kn [knn neg]]].
have dip last k f : f =1 value w b last \/ f =1 (fun u => - value w b last u) ->
    skips f n -> 0 <= f 0%N -> 0 <= f n -> (k <= n)%N -> f k < 0 -> exists l1 k1 l2 k2,
    [/\ (k1 <= n)%N, (k2 <= n)%N, differ (members l1 k1) (members l2 k2),
      value w b l1 k1 = 0 & value w b l2 k2 = 0].
  move=> e sf f0 fn kn' fk; have [i [j [ij fi fj]]] := two_zeros sf kn' f0 fn fk.
  exists last, i, last, j; split; [lia | lia | exact: same_side | |].
    by case: e => e; move: fi; rewrite e // => /eqP; rewrite oppr_eq0 => /eqP.
  by case: e => e; move: fj; rewrite e // => /eqP; rewrite oppr_eq0 => /eqP.
have across : (0 < value w b false 0 /\ value w b false n < 0) \/
    (value w b false 0 < 0 /\ 0 < value w b false n) -> exists l1 k1 l2 k2,
    [/\ (k1 <= n)%N, (k2 <= n)%N, differ (members l1 k1) (members l2 k2),
      value w b l1 k1 = 0 & value w b l2 k2 = 0].
  have n0 : (0 < n)%N by [].
  have ends last : value w b last 0 = value w b false 0 /\ value w b last n = value w b false n.
    by rewrite !value_0 !value_n.
  have inside last : (0 < value w b false 0 /\ value w b false n < 0) \/
      (value w b false 0 < 0 /\ 0 < value w b false n) ->
      exists2 k, (0 < k < n)%N & value w b last k = 0.
    case=> [] [v0 vn]; case: (ends last) => e0 en.
      by apply: (zero_between (s last)); rewrite ?e0 ?en.
    by apply: (zero_between_up (s last)); rewrite ?e0 ?en.
  move=> sides; have [i hi ei] := inside false sides; have [k hk ek] := inside true sides.
  by exists false, i, true, k; split=> //; [lia | lia | exact: other_side].
have ends last k : k = 0%N \/ k = n -> value w b last k = value w b false k.
  by case=> ->; rewrite !(value_0, value_n).
have [/andP[v0 vn] | high] := boolP ((0 <= value w b false 0) && (0 <= value w b false n)).
  by apply: (dip ln kn (value w b ln)) => //; [left | rewrite ends; last left | rewrite ends; last right].
have [/andP[v0 vn] | low] := boolP ((value w b false 0 <= 0) && (value w b false n <= 0)).
  apply: (dip lp kp (fun u => - value w b lp u)); rewrite ?oppr_ge0 ?oppr_lt0 //; first by right.
  - exact: skips_opp.
  - by rewrite ends //; left.
  - by rewrite ends //; right.
apply: across; move: high low.
by case: (ltgtP (value w b false 0) 0); case: (ltgtP (value w b false n) 0); auto.
Qed.

(** The weights with the same sign at every value: the cell. *)
Definition same_cell w b w' b' : Prop :=
  forall last k, (k <= n)%N -> Num.sg (value w b last k) = Num.sg (value w' b' last k).

(** ** Every threshold cell lies in a subspace of codimension 2: two independent linear forms vanish
    on all of it, for every n *)
Theorem threshold_codimension w b : threshold w b -> exists A B,
  [/\ forall x y, (forall w' b', x * form A w' b' + y * form B w' b' = 0) -> x = 0 /\ y = 0
    & forall w' b', same_cell w b w' b' -> form A w' b' = 0 /\ form B w' b' = 0].
Proof.
move=> /two_vanish [l1 [k1 [l2 [k2 [k1n k2n AB e1 e2]]]]].
exists (members l1 k1), (members l2 k2); split=> [x y | w' b' same]; first exact: forms_independent.
by split; apply/eqP; rewrite -sgr_eq0 -same // sgr_eq0; apply/eqP.
Qed.
End Cells.
