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

(** Bends of different places are independent: take second differences at one of them. *)
Section Balance.
Variable F : realFieldType.
Add Field field_of_F' : (field_laws F).
Implicit Types (phi psi e : F) (s : seq (F * F)).

(** A distance that keeps off every other member of a list. *)
Lemma apart (l : seq F) psi : exists2 e, 0 < e & forall x, x \in l -> x != psi -> e <= `|x - psi|.
Proof.
elim: l => [|y l [e e0 he]]; first by exists 1; [exact: ltr01 | move=> x].
have [-> | yn] := eqVneq y psi.
  exists e => // x; rewrite inE => /orP[/eqP-> | ]; [by rewrite eqxx | exact: he].
exists (Num.min e `|y - psi|); first by rewrite lt_minr e0 normr_gt0 subr_eq0.
move=> x; rewrite inE le_minl => /orP[/eqP-> _ | xl xn]; first by rewrite lexx orbT.
by rewrite he.
Qed.

Definition second_difference (f : F -> F) psi e : F := f (psi + e) + f (psi - e) - 2%:R * f psi.

Lemma second_bridge psi e x : 0 < e -> e <= psi -> psi + e <= 1 ->
  (x != psi -> e <= `|x - psi|) ->
  second_difference (fun phi => bridge phi x) psi e = if x == psi then - e else 0.
Proof.
move=> e0 ep pe far; rewrite /second_difference /bridge.
have lower : psi - e < psi by rewrite ltr_subl_addr ltr_addl.
have upper : psi < psi + e by rewrite ltr_addl.
have [-> | xn] := eqVneq x psi.
  rewrite (min_idPr (ltW upper)) (max_idPl (ltW upper)) (min_idPl (ltW lower)).
  by rewrite (max_idPr (ltW lower)) minxx maxxx; by_ring F.
move: (far xn) => {far}; case: (ltgtP x psi) xn => // [xp | px] _ far.
- have xl : x <= psi - e.
    by apply: (le_of far); rewrite ltr0_norm ?subr_lt0 //; by_ring F.
  rewrite (min_idPr xl) (max_idPl xl).
  have xu := le_trans (le_trans xl (ltW lower)) (ltW upper).
  by rewrite (min_idPr xu) (max_idPl xu); by_ring F.
- have ux : psi + e <= x.
    by apply: (le_of far); rewrite gtr0_norm ?subr_gt0 //; by_ring F.
  rewrite (min_idPl ux) (max_idPr ux).
  have lx := le_trans (ltW lower) (le_trans (ltW upper) ux).
  by rewrite (min_idPl lx) (max_idPr lx); by_ring F.
Qed.

Lemma sum_at (l : seq F) x (f : F -> F) : uniq l -> x \in l -> \sum_(y <- l | y == x) f y = f x.
Proof.
move=> unique xl; rewrite big_mkcond (bigD1_seq x) //= eqxx big1 ?addr0 // => y.
by move/negPf->.
Qed.

(** A list of bends (size, place): those strictly between 0 and 1 count. *)
Definition bent s phi : F := \sum_(c <- s | 0 < c.2 < 1) c.1 * bridge phi c.2.

(** ** A sum of bends is 0 on [0, 1] if and only if at each place the sizes add up to 0 *)
Theorem independent s :
  (forall phi, 0 <= phi <= 1 -> bent s phi = 0) <->
  (forall psi, 0 < psi < 1 -> \sum_(c <- s | c.2 == psi) c.1 = 0).
Proof.
split=> [flat psi /andP[psi0 psi1] | balanced phi hphi].
  have [e e0 far] := apart [:: 0, 1 & [seq c.2 | c <- s]] psi.
  have ep : e <= psi.
    by have := far 0; rewrite inE eqxx sub0r normrN gtr0_norm // => ->; rewrite ?lt_eqF.
  have pe : psi + e <= 1.
    have /far far1 : 1 \in [:: 0, 1 & [seq c.2 | c <- s]] by rewrite !inE eqxx orbT.
    rewrite -ler_subr_addl; have <- : `|1 - psi| = 1 - psi by rewrite gtr0_norm // subr_gt0.
    by apply: far1; rewrite gt_eqF.
  have difference : second_difference (bent s) psi e = 0.
    rewrite /second_difference !flat ?(ltW psi0) ?(ltW psi1) //; first by by_ring F.
      by rewrite subr_ge0 ep /= (le_trans _ (ltW psi1)) // ler_subl_addr ler_addl ltW.
    by rewrite pe addr_ge0 // ltW.
  move: difference; have -> : second_difference (bent s) psi e =
      \sum_(c <- s | 0 < c.2 < 1) c.1 * second_difference (fun phi => bridge phi c.2) psi e.
    rewrite /second_difference /bent big_distrr -big_split -sumrB /=.
    by apply: eq_bigr => c _; by_ring F.
  rewrite big_seq_cond (eq_bigr (fun c => if c.2 == psi then c.1 * (- e) else 0)); last first.
    move=> c /andP[cs _]; rewrite second_bridge // => [|cn]; first by case: ifP; rewrite ?mulr0.
    by apply: far => //; rewrite !inE map_f ?orbT.
  rewrite -big_mkcondr /= -big_distrl /= => /eqP.
  rewrite mulf_eq0 oppr_eq0 (gt_eqF e0) orbF => /eqP zero.
  rewrite -[RHS]zero big_seq_cond; apply: eq_bigl => c.
  by case: eqP => [->|_]; rewrite ?andbF // psi0 psi1 !andbT.
pose inner := [seq c <- s | 0 < c.2 < 1]; pose places := undup [seq c.2 | c <- inner].
rewrite /bent -big_filter -/inner.
have spread c : c \in inner -> c.1 * bridge phi c.2 =
    \sum_(psi <- places | psi == c.2) c.1 * bridge phi psi.
  by move=> ci; rewrite sum_at ?undup_uniq // mem_undup map_f.
rewrite (eq_big_seq _ spread) (exchange_big_dep xpredT) //=; apply: big1_seq => psi /andP[_].
rewrite mem_undup => /mapP[c]; rewrite mem_filter => /andP[hc _] e.
rewrite -big_distrl /= /inner big_filter_cond.
rewrite (eq_bigl (fun d => d.2 == psi)) => [|d]; last first.
  by rewrite [psi == _]eq_sym; case: eqP => [->|]; rewrite ?andbF // e hc.
by rewrite balanced ?mul0r // e.
Qed.
End Balance.

(** ** Piecewise-linear networks *)
Section Networks.
Variable F : realFieldType.
Add Field field_of_F'' : (field_laws F).
Implicit Types (phi psi b : F) (h : nat) (w : nat -> F) (kinks : seq (F * F)).

(** A continuous piecewise-linear σ with the kinks [(t, J)], location and slope jump: an affine
    function plus hinges. *)
Definition sigma (s0 s1 : F) kinks (z : F) : F := s0 + s1 * z + \sum_(t <- kinks) t.2 * hinge t.1 z.

(** The 2 n steps (p, q) of the two staircases, without the bias. *)
Definition segments h w : seq (F * F) :=
  [seq (C w u, C w u.+1) | u <- index_iota 0 (taps h)] ++
  [seq (T h w u.+1, T h w u) | u <- index_iota 0 (taps h)].

Lemma deviation_segments g h w phi :
  deviation g h w phi = \sum_(s <- segments h w) chord_deviation g s.1 s.2 phi.
Proof. by rewrite /segments big_cat !big_map /deviation big_split. Qed.

(** Each step with each kink: how much it bends, and where; a bend counts if 0 < φ* < 1. *)
Definition crossings h w b kinks : seq (F * F) :=
  [seq (t.2 * `|s.2 - s.1|, star (s.1 + b) (s.2 + b) t.1) | s <- segments h w, t <- kinks].

(** ** D(φ) = - Σ over the crossings, J |w_u| G(φ, φ* ) *)
Theorem deviation_crossings s0 s1 kinks h w b phi : 0 <= phi <= 1 ->
  deviation (fun z => sigma s0 s1 kinks (z + b)) h w phi = - bent (crossings h w b kinks) phi.
Proof.
move=> hphi; rewrite deviation_segments /bent /crossings [in RHS]big_mkcond big_allpairs_dep -sumrN /=.
apply: eq_bigr => -[p q] _ /=; rewrite -sumrN.
rewrite (eq_bigr (fun t => t.2 * chord_deviation (hinge t.1) (p + b) (q + b) phi)); last first.
  move=> t _; rewrite hinge_deviation // [q + b - _](_ : _ = q - p); last by by_ring F.
  by case: ifP => _; by_ring F.
rewrite /chord_deviation /sigma.
have -> : p + phi * (q - p) + b = p + b + phi * (q + b - (p + b)) by by_ring F.
set x := p + b + _; rewrite [in RHS](eq_bigr (fun t => t.2 * hinge t.1 x
    - (1 - phi) * (t.2 * hinge t.1 (p + b)) - phi * (t.2 * hinge t.1 (q + b)))); last first.
  by move=> t _; by_ring F.
by rewrite !sumrB -!big_distrr /= /x; by_ring F.
Qed.

Variables (K h L : nat) (w : nat -> nat -> F) (a b : nat -> F) (c s0 s1 : F) (kinks : seq (F * F)).
Notation g := (fun k z => sigma s0 s1 kinks (z + b k)).
Notation D := (total_deviation K h g w a).

(** The bends of all channels, with their readout weights. *)
Definition bends : seq (F * F) :=
  [seq (a k * x.1, x.2) | k <- index_iota 0 K, x <- crossings h (w k) (b k) kinks].

Theorem total_crossings phi : 0 <= phi <= 1 -> D phi = - bent bends phi.
Proof.
move=> hphi; rewrite /bent /bends [in RHS]big_mkcond big_allpairs_dep -sumrN; apply: eq_bigr => k _ /=.
rewrite (deviation_crossings s0 s1 _ _ _ _ hphi) /bent big_mkcond mulrN big_distrr -!sumrN /=.
by apply: eq_bigr => x _; case: ifP => _; by_ring F.
Qed.

(** ** Kink balance: D vanishes on [0, 1] if and only if at each φ* the jumps of all channels add
    up to 0; any number of channels, taps and kinks *)
Theorem kink_balance :
  (forall phi, 0 <= phi <= 1 -> D phi = 0) <->
  (forall psi, 0 < psi < 1 -> \sum_(x <- bends | x.2 == psi) x.1 = 0).
Proof.
rewrite -independent; split=> flat phi hphi.
  by apply: oppr_inj; rewrite -total_crossings // flat // oppr0.
by rewrite total_crossings // flat // oppr0.
Qed.
End Networks.

(** ** One channel, one kink: exact if and only if no open step contains it *)
Section OneChannel.
Variable F : realFieldType.
Add Field field_of_F''' : (field_laws F).
Variables (h L : nat) (w : nat -> F) (a b c s0 s1 t J : F).
Hypotheses (a0 : a != 0) (J0 : J != 0).
Notation g := (fun z => sigma s0 s1 [:: (t, J)] (z + b)).

Definition no_crossing : bool := all (fun s => ~~ crossed (s.1 + b) (s.2 + b) t) (segments h w).

Theorem straight_iff_no_crossing :
  (forall phi, 0 <= phi <= 1 -> total_deviation 1 h (fun=> g) (fun=> w) (fun=> a) phi = 0) <->
  no_crossing.
Proof.
split=> [/kink_balance balanced | none phi hphi].
  apply/allP => s ss; apply: contraT => /negPn; rewrite crossed_star => inside.
  have := balanced _ inside; rewrite /bends big_mkcond big_allpairs_dep big_nat1.
  rewrite /crossings big_allpairs_dep.
  under eq_bigr do rewrite big_seq1 /=.
  rewrite -big_mkcond /= (eq_bigr (fun r => a * J * `|r.2 - r.1|)); last first.
    by move=> r _; rewrite mulrA.
  rewrite -big_distrr /= => /eqP; rewrite !mulf_eq0 (negPf a0) (negPf J0) /=.
  rewrite psumr_eq0 // => /allP/(_ s ss) /=; rewrite eqxx normr_eq0 subr_eq0 => /eqP same.
  by move: inside; rewrite /star same subrr invr0 mulr0 ltxx.
rewrite /total_deviation big_nat1 deviation_crossings // /bent /crossings.
rewrite big_mkcond big_allpairs_dep big1_seq ?oppr0 ?mulr0 // => s /andP[_ ss].
rewrite big_seq1 /= -crossed_star.
by move/allP: none => /(_ s ss)/negPf->.
Qed.

(** A straight channel is exact once its slope and offset are right. *)
Theorem exact_one_channel m : (h < m)%N -> (m + h <= L)%N ->
  exact_on_cell 1 h L (fun=> g) (fun=> w) (fun=> a) c m <->
  [/\ no_crossing, 2%:R * a * slope g h w = 1 & c = - a * ((size L)%:R * g 0 + kappa g h w)].
Proof.
move=> hm mL.
have laws : exact_on_cell 1 h L (fun=> g) (fun=> w) (fun=> a) c m <->
    three_laws 1 h L (fun=> g) (fun=> w) (fun=> a) c by apply: exact_iff.
have slopes : alpha 1 h (fun=> g) (fun=> w) (fun=> a) = 2%:R * a * slope g h w - 1.
  by rewrite /alpha big_nat1 mulrA.
have offset : beta 1 h L (fun=> g) (fun=> w) (fun=> a) c =
    c - - a * ((size L)%:R * g 0 + kappa g h w).
  by rewrite /beta big_nat1; by_ring F.
split=> [/laws [] | [none A B]].
  by rewrite slopes offset => /subr0_eq A /subr0_eq B /straight_iff_no_crossing.
apply/laws; split; last by apply/straight_iff_no_crossing.
  by rewrite slopes A subrr.
by rewrite offset -B subrr.
Qed.
End OneChannel.
