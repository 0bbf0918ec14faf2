(** Certificates of piecewise-linear networks: what the checker accepts is true.

    A network is applied to the pulse of radius r, with pixels clip(r + 1/2 - |j|, 0, 1).  A
    certificate carries the network's weights and says how far its answer is from r, over every r
    of an interval.  [check] decides that with rational numbers only; [check_sound] says that it
    holds for every element r of every ordered field, the real numbers for one.

    On the cell m - 1/2 <= r <= m + 1/2 every argument of the activation is a line in r, so the
    error is a line between the places where an argument meets a break.  [error_lines] lists these
    lines; a line is bounded between two places when it is bounded at both. *)

From Coq Require Import QArith Qround Qabs Lqa ZArith Bool String List Lia Field InitialRing.
Import ListNotations.

Set Implicit Arguments.

(** ** The file *)

Inductive padding := Valid | Zeros | Circular | Reflect | Replicate.

(** The fields of a certificate, named and ordered as in the file.  A piece (p, q) of the activation
    is p + q z; pixels is the number behind the padding's name, where there is one. *)
Record certificate := Certificate {
  breaks : list Q;
  pieces : list (Q * Q);
  filters : list (list Q);
  biases : list Q;
  readout : list Q;
  offset : Q;
  half_length : Z;
  mode : padding;
  pixels : option Z;
  low : Q;
  high : Q;
  worst : Q * Q;
  mean : Q * Q;
  mean_square : Q * Q;
  radius : Q
}.

Definition taps (c : certificate) : Z := Z.of_nat (length (hd [] (filters c))).

Definition half_taps (c : certificate) : Z := taps c / 2.

(** How many pixels are padded on each side. *)
Definition padded (c : certificate) : Z :=
  match pixels c, mode c with
  | Some p, _ => p
  | None, Valid => 0
  | None, _ => half_taps c
  end.

Fixpoint range (from : Z) (count : nat) : list Z :=
  match count with O => [] | S n => from :: range (from + 1) n end.

(** Where filters stand: the places of their middle tap. *)
Definition positions (c : certificate) : list Z :=
  let reach := (half_length c - half_taps c + padded c)%Z in
  range (- reach) (Z.to_nat (2 * reach + 1)).

(** The pixel of the signal -L..L that is seen at place j; None where the padding shows zero. *)
Definition source (padding : padding) (L j : Z) : option Z :=
  if (Z.abs j <=? L)%Z then Some j
  else match padding with
       | Circular => Some ((j + L) mod (2 * L + 1) - L)%Z
       | Reflect => Some (if (0 <=? j)%Z then 2 * L - j else - 2 * L - j)%Z
       | Replicate => Some (if (0 <=? j)%Z then L else - L)%Z
       | Valid | Zeros => None
       end.

(** ** Numbers: an ordered field *)

Record ordered_field := OrderedField {
  carrier :> Type;
  zero : carrier;
  one : carrier;
  add : carrier -> carrier -> carrier;
  mul : carrier -> carrier -> carrier;
  sub : carrier -> carrier -> carrier;
  opp : carrier -> carrier;
  div : carrier -> carrier -> carrier;
  inv : carrier -> carrier;
  le : carrier -> carrier -> bool;
  is_field : field_theory zero one add mul sub opp div inv eq;
  le_total : forall x y, le x y = true \/ le y x = true;
  le_antisym : forall x y, le x y = true -> le y x = true -> x = y;
  le_trans : forall x y z, le x y = true -> le y z = true -> le x z = true;
  le_add : forall x y z, le x y = true -> le (add x z) (add y z) = true;
  le_mul : forall x y, le zero x = true -> le zero y = true -> le zero (mul x y) = true
}.

Declare Scope F_scope.
Delimit Scope F_scope with F.
Notation "0" := (zero _) : F_scope.
Notation "1" := (one _) : F_scope.
Notation "x + y" := (add _ x y) : F_scope.
Notation "x * y" := (mul _ x y) : F_scope.
Notation "x - y" := (sub _ x y) : F_scope.
Notation "x / y" := (div _ x y) : F_scope.
Notation "- x" := (opp _ x) : F_scope.
Notation "x <= y" := (le _ x y = true) : F_scope.

Section Definitions.
Variable F : ordered_field.
Local Open Scope F_scope.

(** Whole and rational numbers as elements of the field. *)
Definition of_Z (k : Z) : F := gen_phiZ (zero F) (one F) (add F) (mul F) (opp F) k.
Definition of_Q (q : Q) : F := of_Z (Qnum q) / of_Z (Zpos (Qden q)).

Definition abs (x : F) : F := if le F 0 x then x else - x.

(** ** The network *)

Definition clip (z : F) : F := if le F z 0 then 0 else if le F 1 z then 1 else z.

(** The pulse, and what is seen at place j of it. *)
Definition pixel (r : F) (j : Z) : F := clip (r + of_Q (1 # 2) - of_Z (Z.abs j)).
Definition shown (c : certificate) (r : F) (j : Z) : F :=
  match source (mode c) (half_length c) j with Some i => pixel r i | None => 0 end.

(** The filter ws whose first tap stands at place j. *)
Fixpoint filtered (c : certificate) (r : F) (ws : list F) (j : Z) : F :=
  match ws with [] => 0 | w :: ws' => w * shown c r j + filtered c r ws' (j + 1) end.

(** The activation: the piece before the first break that is not below z. *)
Definition value (piece : F * F) (z : F) : F := fst piece + snd piece * z.
Fixpoint sigma (ts : list F) (ps : list (F * F)) (z : F) : F :=
  match ts, ps with
  | t :: ts', p :: ps' => if le F z t then value p z else sigma ts' ps' z
  | [], p :: _ => value p z
  | _, [] => 0
  end.

Fixpoint sum (terms : list F) : F :=
  match terms with [] => 0 | x :: more => x + sum more end.

Definition pair_of_Q (p : Q * Q) : F * F := (of_Q (fst p), of_Q (snd p)).
Definition activation (c : certificate) : F -> F :=
  sigma (map of_Q (breaks c)) (map pair_of_Q (pieces c)).

Definition channel (c : certificate) (r : F) (k : list F * F * F) : F :=
  let '(w, b, a) := k in
  a * sum (map (fun i => activation c (b + filtered c r w (i - half_taps c))) (positions c)).

(** The answer: offset + Σ_k a_k Σ_i σ(b_k + Σ_u w_{k,u} x_r(i + u)). *)
Definition rhat (c : certificate) (r : F) : F :=
  of_Q (offset c) + sum (map (channel c r)
    (combine (combine (map (map of_Q) (filters c)) (map of_Q (biases c))) (map of_Q (readout c)))).

Definition error (c : certificate) (r : F) : F := rhat c r - r.

(** ** The integral of a function that is quadratic between finitely many places *)

Inductive integral (f : F -> F) : F -> F -> F -> Prop :=
| integral_point x : integral f x x 0
| integral_piece x y z p q s more :
    x <= y ->
    (forall r, x <= r -> r <= y -> f r = p + q * r + s * (r * r)) ->
    integral f y z more ->
    integral f x z (p * (y - x) + q * (y * y - x * x) / of_Z 2
                    + s * (y * y * y - x * x * x) / of_Z 3 + more).

(** ** What a certificate claims *)

Definition within (x y r : F) : Prop := x <= r /\ r <= y.

Definition claimed (c : certificate) : Prop :=
  let lowest := of_Q (low c) in
  let highest := of_Q (high c) in
  let width := highest - lowest in
  (forall r, within lowest highest r -> abs (error c r) <= of_Q (snd (worst c)))
  /\ within lowest highest (of_Q (radius c))
  /\ abs (error c (of_Q (radius c))) = of_Q (fst (worst c))
  /\ of_Q (fst (worst c)) = of_Q (snd (worst c))
  /\ (exists total, integral (error c) lowest highest total
      /\ within (of_Q (fst (mean c)) * width) (of_Q (snd (mean c)) * width) total)
  /\ (exists total, integral (fun r => error c r * error c r) lowest highest total
      /\ within (of_Q (fst (mean_square c)) * width) (of_Q (snd (mean_square c)) * width) total).

End Definitions.

(** ** The checker: rational numbers only *)

Local Open Scope Q_scope.

(** Sums keep a common denominator, since vm_compute has no fast greatest common divisor. *)
Definition qadd (x y : Q) : Q :=
  if Z.eqb (Qnum x) 0 then y
  else if Z.eqb (Qnum y) 0 then x
  else if Pos.eqb (Qden x) (Qden y) then (Qnum x + Qnum y) # Qden x
  else Qred (x + y).
Definition qsub (x y : Q) : Q := qadd x (- y).

(** start + slope x. *)
Definition line_at (start slope x : Q) : Q :=
  if Pos.eqb (Qden start) (Qden slope)
  then (Qnum start * Zpos (Qden x) + Qnum slope * Qnum x) # (Qden start * Qden x)
  else start + slope * x.

(** The same number over the denominator d, where that can be. *)
Definition rescale (d : positive) (q : Q) : Q :=
  let scaled := (Qnum q * (Zpos d / Zpos (Qden q)))%Z # d in
  if Qeq_bool q scaled then scaled else q.

Definition common (qs : list Q) : positive :=
  fold_right (fun q d => Z.to_pos (Z.lcm (Zpos (Qden q)) (Zpos d))) 1%positive qs.

Definition rescaled (c : certificate) : certificate :=
  let weight := common (breaks c ++ concat (filters c) ++ biases c) in
  let slope := common (map fst (pieces c) ++ map snd (pieces c)) in
  let scaled := map (rescale weight) in
  {| breaks := scaled (breaks c);
     pieces := map (fun p => (rescale (slope * weight) (fst p), rescale slope (snd p))) (pieces c);
     filters := map scaled (filters c);
     biases := scaled (biases c);
     readout := map (rescale (common (readout c))) (readout c);
     offset := offset c; half_length := half_length c; mode := mode c; pixels := pixels c;
     low := low c; high := high c; worst := worst c; mean := mean c;
     mean_square := mean_square c; radius := radius c |}.

(** What a filter sees on the cell of m, as a line in φ = r - (m - 1/2): its start and its slope. *)
Fixpoint line (c : certificate) (m : Z) (ws : list Q) (j : Z) : Q * Q :=
  match ws with
  | [] => (0, 0)
  | w :: ws' =>
      let (start, slope) := line c m ws' (j + 1) in
      match source (mode c) (half_length c) j with
      | None => (start, slope)
      | Some i => match Z.compare (Z.abs i) m with
                  | Lt => (qadd w start, slope)
                  | Eq => (start, qadd w slope)
                  | Gt => (start, slope)
                  end
      end
  end.

(** A term a σ(start + slope φ) of the answer. *)
Definition term : Type := Q * Q * Q.

Definition terms (c : certificate) (m : Z) : list term :=
  flat_map
    (fun k => let '(w, b, a) := k in
       map (fun i => let (start, slope) := line c m w (i - half_taps c) in
                     (a, qadd b start, slope)) (positions c))
    (combine (combine (filters c) (biases c)) (readout c)).

(** The piece of σ that the line start + slope φ stays on while u <= φ <= v. *)
Fixpoint piece_on (ts : list Q) (ps : list (Q * Q)) (start slope u v : Q) : option (Q * Q) :=
  match ts, ps with
  | [], p :: _ => Some p
  | t :: ts', p :: ps' =>
      let from := Qnum (line_at (qsub start t) slope u) in
      let to := Qnum (line_at (qsub start t) slope v) in
      if (Z.leb from 0 && Z.leb to 0)%bool then Some p
      else if (Z.leb 0 from && Z.leb 0 to)%bool then piece_on ts' ps' start slope u v
      else None
  | _, [] => None
  end.

(** The terms that do not move, added up, and the others. *)
Fixpoint gather (c : certificate) (ts : list term) : Q * list term :=
  match ts with
  | [] => (0, [])
  | (a, start, slope) :: more =>
      let (constant, moving) := gather c more in
      match Z.eqb (Qnum slope) 0, piece_on (breaks c) (pieces c) start slope 0 0 with
      | true, Some (p, q) => (qadd (a * qadd p (q * start)) constant, moving)
      | _, _ => (constant, (a, start, slope) :: moving)
      end
  end.

(** The sum of the terms for u <= φ <= v, a line. *)
Fixpoint line_of (c : certificate) (ts : list term) (u v : Q) : option (Q * Q) :=
  match ts with
  | [] => Some (0, 0)
  | (a, start, slope) :: more =>
      match piece_on (breaks c) (pieces c) start slope u v, line_of c more u v with
      | Some (p, q), Some (constant, rise) =>
          Some (qadd (a * qadd p (q * start)) constant, qadd (a * (q * slope)) rise)
      | _, _ => None
      end
  end.

(** The φ strictly between u and v at which a line meets a break; in order, each once. *)
Fixpoint insert (x : Q) (xs : list Q) : list Q :=
  match xs with
  | [] => [x]
  | y :: more => match Qcompare x y with
                 | Eq => xs
                 | Lt => x :: xs
                 | Gt => y :: insert x more
                 end
  end.
Definition strictly (x y : Q) : bool := negb (Qle_bool y x).
Definition meetings (ts : list Q) (moving : list term) (u v : Q) : list Q :=
  fold_right
    (fun (k : term) places => let '(_, start, slope) := k in
       fold_right (fun t places =>
                     let x := Qred (Qdiv (qsub t start) slope) in
                     if (strictly u x && strictly x v)%bool then insert x places else places)
                  places ts)
    [] moving.

(** The error p + q r for from <= r <= to. *)
Record piece := Piece { from : Q; to : Q; start : Q; rise : Q }.

Fixpoint cell_pieces (c : certificate) (m : Z) (constant : Q) (moving : list term)
    (u : Q) (places : list Q) : option (list piece) :=
  match places with
  | [] => Some []
  | v :: more =>
      match (Qle_bool 0 u && Qle_bool v 1)%bool, line_of c moving u v,
            cell_pieces c m constant moving v more with
      | true, Some (p, q), Some others =>
          let base := inject_Z m - (1 # 2) in
          let rise := qsub q 1 in
          let start := qsub (qadd (offset c) (qadd constant p)) (q * base) in
          let d := Z.to_pos (Z.lcm (Zpos (Qden start)) (Zpos (Qden rise))) in
          Some (Piece (base + u) (base + v) (rescale d start) (rescale d rise) :: others)
      | _, _, _ => None
      end
  end.

Definition qmax (x y : Q) : Q := if Qle_bool x y then y else x.
Definition qmin (x y : Q) : Q := if Qle_bool x y then x else y.

(** The lines of one cell, as far as it lies in the interval. *)
Definition cell (c : certificate) (m : Z) : option (list piece) :=
  let base := inject_Z m - (1 # 2) in
  let u := qmax 0 (Qred (low c - base)) in
  let v := qmin 1 (Qred (high c - base)) in
  let (constant, moving) := gather c (terms c m) in
  if strictly u v
  then cell_pieces c m constant moving u (meetings (breaks c) moving u v ++ [v])
  else Some [].

Fixpoint all_pieces (c : certificate) (cells : list Z) : option (list piece) :=
  match cells with
  | [] => Some []
  | m :: more =>
      match cell c m, all_pieces c more with
      | Some these, Some others => Some (these ++ others)
      | _, _ => None
      end
  end.

Definition fits (c : certificate) : bool :=
  ((half_taps c <=? half_length c) && (0 <=? padded c) && (padded c <=? 2 * half_length c))%Z%bool.

Definition radii (c : certificate) : bool :=
  (Qle_bool (1 # 2) (low c) && strictly (low c) (high c)
   && Qle_bool (high c) (inject_Z (half_length c) + (1 # 2)))%bool.

Definition error_lines (c : certificate) : option (list piece) :=
  let first := Qfloor (low c + (1 # 2)) in
  let after := Z.min (Qceiling (high c + (1 # 2))) (half_length c + 1) in
  if (fits c && radii c)%bool
  then all_pieces (rescaled c) (range first (Z.to_nat (after - first)))
  else None.

Fixpoint covers (lowest highest : Q) (ps : list piece) : bool :=
  match ps with
  | [] => Qeq_bool lowest highest
  | p :: more => (Qeq_bool lowest (from p) && Qle_bool (from p) (to p)
                  && covers (to p) highest more)%bool
  end.

Definition at_ (p : piece) (r : Q) : Q := line_at (start p) (rise p) r.

Definition below (bound : Q) (p : piece) : bool :=
  (Qle_bool (Qabs (at_ p (from p))) bound && Qle_bool (Qabs (at_ p (to p))) bound)%bool.

Definition reaches (r size : Q) (p : piece) : bool :=
  (Qle_bool (from p) r && Qle_bool r (to p) && Qeq_bool (Qabs (at_ p r)) size)%bool.

(** The integrals of a piece and of its square, from the errors x and y at its ends. *)
Definition moments (p : piece) : Q * Q :=
  let d := (Qden (from p) * Qden (to p))%positive in
  let u := (Qnum (from p) * Zpos (Qden (to p)))%Z # d in
  let v := (Qnum (to p) * Zpos (Qden (from p)))%Z # d in
  let x := at_ p u in
  let y := at_ p v in
  (qsub v u * qadd x y * (1 # 2), qsub v u * qadd (x * x) (qadd (x * y) (y * y)) * (1 # 3)).

(** Each integral is rounded outward to 2^-200, so that sums stay short. *)
Definition fine : Q := Eval vm_compute in inject_Z (2 ^ 200).
Definition whole_ends (x : Q) : Z * Z :=
  let (floor, remainder) := Z.div_eucl (Qnum x) (Zpos (Qden x)) in
  (floor, if (remainder =? 0)%Z then floor else (floor + 1)%Z).
Fixpoint rounded (parts : list Q) : Z * Z :=
  match parts with
  | [] => (0, 0)%Z
  | x :: more => let (least, most) := rounded more in
                 let (floor, ceiling) := whole_ends (x * fine) in
                 ((floor + least)%Z, (ceiling + most)%Z)
  end.

Definition encloses (ends : Q * Q) (width : Q) (sums : Z * Z) : bool :=
  (Qle_bool (fst ends * (width * fine)) (inject_Z (fst sums))
   && Qle_bool (inject_Z (snd sums)) (snd ends * (width * fine)))%bool.

Definition tight (ends : Q * Q) : bool :=
  Qle_bool (snd ends - fst ends) (1 # Z.to_pos (2 ^ 63)).

Fixpoint increasing (ts : list Q) : bool :=
  match ts with
  | x :: (y :: _) as more => (strictly x y && increasing more)%bool
  | _ => true
  end.

Definition qvalue (p : Q * Q) (z : Q) : Q := fst p + snd p * z.
Fixpoint joined (ts : list Q) (ps : list (Q * Q)) : bool :=
  match ts, ps with
  | t :: ts', p :: (q :: _) as more => (Qeq_bool (qvalue p t) (qvalue q t) && joined ts' more)%bool
  | _, _ => true
  end.

Definition same_odd (c : certificate) : bool :=
  (Z.odd (taps c) && forallb (fun w => Z.of_nat (length w) =? taps c)%Z (filters c))%bool.

Local Open Scope string_scope.

(** What has to hold, each with the sentence that rejects. *)
Definition conditions (c : certificate) : list (bool * string) :=
  let ps := match error_lines c with Some ps => ps | None => [] end in
  let parts := map moments ps in
  let width := high c - low c in
  [ (Nat.eqb (length (pieces c)) (S (length (breaks c))),
       "the activation needs one piece more than breaks");
    (increasing (breaks c), "breaks do not increase");
    (joined (breaks c) (pieces c), "the activation jumps");
    (negb (Nat.eqb (length (filters c)) 0), "there is no filter");
    (same_odd c, "filters need the same odd number of taps");
    (Nat.eqb (length (biases c)) (length (filters c))
       && Nat.eqb (length (readout c)) (length (filters c)),
       "filters, biases and readout differ in number");
    (fits c, "the filter or the padding does not fit the signal");
    (radii c, "the radii do not lie in the signal");
    (Qle_bool (low c) (radius c) && Qle_bool (radius c) (high c),
       "the radius of the worst error lies outside");
    (covers (low c) (high c) ps, "the lines of the error do not cover the interval");
    (forallb (below (snd (worst c))) ps, "the error exceeds the claim");
    (existsb (reaches (radius c) (fst (worst c))) ps,
       "the error at the radius named is not the claimed one");
    (Qeq_bool (fst (worst c)) (snd (worst c)), "the worst error is not enclosed as it could be");
    (encloses (mean c) width (rounded (map fst parts)), "the mean is not where the claim says");
    (tight (mean c), "the mean is not enclosed to 2^-63");
    (encloses (mean_square c) width (rounded (map snd parts)),
       "the mean_square is not where the claim says");
    (tight (mean_square c), "the mean_square is not enclosed to 2^-63") ]%bool.

Fixpoint first_failure (cs : list (bool * string)) : option string :=
  match cs with
  | [] => None
  | (true, _) :: more => first_failure more
  | (false, reason) :: _ => Some reason
  end.

(** The reason to reject a certificate; None accepts it. *)
Definition rejection (c : certificate) : option string := first_failure (conditions c).
Definition check (c : certificate) : bool :=
  match rejection c with None => true | Some _ => false end.

Local Close Scope string_scope.

(** ** Proof: rational numbers *)

Lemma qadd_spec x y : qadd x y == x + y.
Proof.
  unfold qadd. destruct (Z.eqb_spec (Qnum x) 0) as [e|_].
  { assert (x == 0) as -> by (unfold Qeq; simpl; lia). ring. }
  destruct (Z.eqb_spec (Qnum y) 0) as [e|_].
  { assert (y == 0) as -> by (unfold Qeq; simpl; lia). ring. }
  destruct (Pos.eqb_spec (Qden x) (Qden y)) as [e|_]; [|apply Qred_correct].
  destruct x as [n d], y as [n' d']; simpl in *; subst d'.
  unfold Qeq, Qplus; simpl. rewrite Pos2Z.inj_mul. ring.
Qed.

Lemma qsub_spec x y : qsub x y == x - y.
Proof. apply qadd_spec. Qed.

Lemma line_at_spec p q x : line_at p q x == p + q * x.
Proof.
  unfold line_at. destruct (Pos.eqb_spec (Qden p) (Qden q)) as [e|_]; [|reflexivity].
  destruct p as [n d], q as [n' d'], x as [k e']; simpl in *; subst d'.
  unfold Qeq, Qplus, Qmult; simpl. rewrite !Pos2Z.inj_mul. ring.
Qed.

Lemma rescale_spec d q : rescale d q == q.
Proof.
  unfold rescale. destruct (Qeq_bool q _) eqn:e; [|reflexivity].
  symmetry. apply Qeq_bool_iff, e.
Qed.

Lemma moments_spec p :
  let x := start p + rise p * from p in
  let y := start p + rise p * to p in
  fst (moments p) == (to p - from p) * (x + y) / 2
  /\ snd (moments p) == (to p - from p) * (x * x + x * y + y * y) / 3.
Proof.
  intros x y. subst x y. unfold moments.
  set (u := (Qnum (from p) * _)%Z # _). set (v := (Qnum (to p) * _)%Z # _).
  assert (u == from p) as eu
    by (unfold u, Qeq; destruct (from p); simpl; rewrite !Pos2Z.inj_mul; ring).
  assert (v == to p) as ev
    by (unfold v, Qeq; destruct (to p); simpl; rewrite !Pos2Z.inj_mul; ring).
  unfold at_. cbn [fst snd].
  rewrite !qsub_spec, !qadd_spec, !line_at_spec, eu, ev. split; field.
Qed.

Fixpoint qsum (xs : list Q) : Q := match xs with [] => 0 | x :: more => x + qsum more end.

Lemma fine_positive : 0 < fine.
Proof. reflexivity. Qed.

Lemma whole_ends_spec x :
  inject_Z (fst (whole_ends x)) <= x /\ x <= inject_Z (snd (whole_ends x)).
Proof.
  unfold whole_ends. assert (h := Z_div_mod (Qnum x) (Zpos (Qden x)) eq_refl).
  destruct (Z.div_eucl _ _) as [floor remainder]. destruct h as [e l].
  unfold Qle. cbn [fst snd inject_Z Qnum Qden].
  destruct (Z.eqb_spec remainder 0) as [z|z]; split; nia.
Qed.

Lemma rounded_spec xs :
  inject_Z (fst (rounded xs)) <= qsum xs * fine /\ qsum xs * fine <= inject_Z (snd (rounded xs)).
Proof.
  induction xs as [|x xs [h h']]; [split; discriminate|]. cbn [rounded qsum].
  destruct (whole_ends_spec (x * fine)) as [l l'].
  destruct (rounded xs) as [least most], (whole_ends (x * fine)) as [floor ceiling].
  cbn [fst snd] in *. rewrite !inject_Z_plus.
  generalize dependent (inject_Z least); generalize dependent (inject_Z most).
  generalize dependent (inject_Z floor); generalize dependent (inject_Z ceiling).
  intros. rewrite Qmult_plus_distr_l.
  generalize dependent (x * fine); generalize dependent (qsum xs * fine). intros. lra.
Qed.

Lemma encloses_spec ends width xs :
  encloses ends width (rounded xs) = true ->
  fst ends * width <= qsum xs /\ qsum xs <= snd ends * width.
Proof.
  unfold encloses. rewrite andb_true_iff, !Qle_bool_iff. intros [h h'].
  destruct (rounded_spec xs) as [l l'].
  split; apply Qmult_lt_0_le_reg_r with fine; try apply fine_positive.
  - rewrite <- Qmult_assoc. eapply Qle_trans; eassumption.
  - rewrite <- Qmult_assoc. eapply Qle_trans; eassumption.
Qed.

(** ** Proof: ordered fields *)

Section Soundness.
Variable F : ordered_field.
Local Open Scope F_scope.
Add Field F_is_field : (is_field F).

Notation Q_ := (of_Q F).
Notation Z_ := (of_Z F).

Lemma le_refl (x : F) : x <= x.
Proof. destruct (le_total F x x); assumption. Qed.

Lemma le_sub (x y : F) : x <= y <-> 0 <= y - x.
Proof.
  split; intros h.
  - apply (le_add F) with (z := - x) in h.
    replace (x + - x) with (zero F) in h by ring. replace (y - x) with (y + - x) by ring. exact h.
  - apply (le_add F) with (z := x) in h.
    replace (0 + x) with x in h by ring. replace (y - x + x) with y in h by ring. exact h.
Qed.

Lemma nonneg_add (x y : F) : 0 <= x -> 0 <= y -> 0 <= x + y.
Proof.
  intros hx hy. apply (le_trans F) with (y := y); [exact hy|].
  apply le_sub. replace (x + y - y) with x by ring. exact hx.
Qed.

Lemma nonneg_opp (x : F) : x <= 0 -> 0 <= - x.
Proof. intros h. apply le_sub in h. replace (- x) with (0 - x) by ring. exact h. Qed.

Lemma nonneg_cases (x : F) : 0 <= x \/ 0 <= - x.
Proof. destruct (le_total F 0 x); [left | right; apply nonneg_opp]; assumption. Qed.

Lemma one_nonneg : 0 <= one F.
Proof.
  destruct (nonneg_cases 1) as [h|h]; [exact h|].
  replace (one F) with (- one F * - one F) by ring. apply (le_mul F); exact h.
Qed.

Lemma one_neq_zero : one F <> zero F.
Proof. exact (F_1_neq_0 (is_field F)). Qed.

Lemma not_le_0_m1 : ~ 0 <= - one F.
Proof.
  intros h. apply one_neq_zero. apply (le_antisym F).
  - apply le_sub. replace (zero F - 1) with (- one F) by ring. exact h.
  - exact one_nonneg.
Qed.

(** A line that is nonnegative at two places is so in between. *)
Lemma between (p q u v x : F) :
  u <= x -> x <= v -> 0 <= p + q * u -> 0 <= p + q * v -> 0 <= p + q * x.
Proof.
  intros hu hv pu pv. apply le_sub in hu. apply le_sub in hv. destruct (nonneg_cases q) as [h|h].
  - replace (p + q * x) with (p + q * u + q * (x - u)) by ring.
    apply nonneg_add; [|apply (le_mul F)]; assumption.
  - replace (p + q * x) with (p + q * v + - q * (v - x)) by ring.
    apply nonneg_add; [|apply (le_mul F)]; assumption.
Qed.

(** Whole numbers. *)
Lemma Z_morph :
  ring_morph (zero F) (one F) (add F) (mul F) (sub F) (opp F) eq
    0%Z 1%Z Z.add Z.mul Z.sub Z.opp Zeq_bool Z_.
Proof.
  apply gen_phiZ_morph.
  - apply Eqsth.
  - apply Eq_ext.
  - exact (F_R (is_field F)).
Qed.

Lemma Z_add x y : Z_ (x + y) = Z_ x + Z_ y. Proof. apply (morph_add Z_morph). Qed.
Lemma Z_sub x y : Z_ (x - y) = Z_ x - Z_ y. Proof. apply (morph_sub Z_morph). Qed.
Lemma Z_mul x y : Z_ (x * y) = Z_ x * Z_ y. Proof. apply (morph_mul Z_morph). Qed.
Lemma Z_opp x : Z_ (- x) = - Z_ x. Proof. apply (morph_opp Z_morph). Qed.

Lemma Z_pos (p : positive) : 1 <= Z_ (Zpos p).
Proof.
  induction p as [|p h] using Pos.peano_ind; [apply le_refl|].
  rewrite Pos2Z.inj_succ. unfold Z.succ. rewrite Z_add. change (Z_ 1) with (one F).
  apply le_sub in h. apply le_sub.
  replace (Z_ (Zpos p) + 1 - 1) with (Z_ (Zpos p) - 1 + 1) by ring.
  apply nonneg_add; [exact h | exact one_nonneg].
Qed.

Lemma Z_nonneg k : (0 <= k)%Z -> 0 <= Z_ k.
Proof.
  destruct k as [|p|p]; intros h; [apply le_refl | | lia].
  apply (le_trans F) with (y := one F); [exact one_nonneg | apply Z_pos].
Qed.

Lemma Z_pos_neq_0 p : Z_ (Zpos p) <> 0.
Proof.
  intros e. assert (h := Z_pos p). rewrite e in h. apply one_neq_zero.
  apply (le_antisym F); [exact h | exact one_nonneg].
Qed.

Lemma inv_nonneg (x : F) : 0 <= x -> x <> 0 -> 0 <= 1 / x.
Proof.
  intros h n. destruct (nonneg_cases (1 / x)) as [k|k]; [exact k|].
  exfalso. apply not_le_0_m1. replace (- one F) with (x * - (1 / x)) by (field; exact n).
  apply (le_mul F); assumption.
Qed.

(** Rational numbers. *)
Lemma Q_eq x y : (x == y)%Q -> Q_ x = Q_ y.
Proof.
  intros h. unfold Qeq in h. apply (f_equal Z_) in h. rewrite !Z_mul in h. unfold of_Q.
  assert (nx := Z_pos_neq_0 (Qden x)). assert (ny := Z_pos_neq_0 (Qden y)).
  replace (Z_ (Qnum x) / Z_ (Zpos (Qden x)))
    with (Z_ (Qnum x) * Z_ (Zpos (Qden y)) / (Z_ (Zpos (Qden x)) * Z_ (Zpos (Qden y))))
    by (field; auto).
  rewrite h. field; auto.
Qed.

Lemma Q_add x y : Q_ (x + y) = Q_ x + Q_ y.
Proof.
  unfold of_Q. cbn [Qplus Qnum Qden]. rewrite Pos2Z.inj_mul, Z_add, !Z_mul.
  assert (nx := Z_pos_neq_0 (Qden x)). assert (ny := Z_pos_neq_0 (Qden y)). field; auto.
Qed.

Lemma Q_mul x y : Q_ (x * y) = Q_ x * Q_ y.
Proof.
  unfold of_Q. cbn [Qmult Qnum Qden]. rewrite Pos2Z.inj_mul, !Z_mul.
  assert (nx := Z_pos_neq_0 (Qden x)). assert (ny := Z_pos_neq_0 (Qden y)). field; auto.
Qed.

Lemma Q_opp x : Q_ (- x) = - Q_ x.
Proof.
  unfold of_Q. cbn [Qopp Qnum Qden]. rewrite Z_opp. field. apply Z_pos_neq_0.
Qed.

Lemma Q_sub x y : Q_ (x - y) = Q_ x - Q_ y.
Proof. unfold Qminus. rewrite Q_add, Q_opp. ring. Qed.

Lemma Q_of_Z k : Q_ (inject_Z k) = Z_ k.
Proof.
  unfold of_Q. cbn [inject_Z Qnum Qden]. change (Z_ 1) with (one F). field. exact one_neq_zero.
Qed.

Lemma Q_0 : Q_ 0 = 0.
Proof. exact (Q_of_Z 0). Qed.

Lemma Q_1 : Q_ 1 = 1.
Proof. exact (Q_of_Z 1). Qed.

Lemma Q_nonneg x : (0 <= Qnum x)%Z -> 0 <= Q_ x.
Proof.
  intros h. unfold of_Q.
  replace (Z_ (Qnum x) / Z_ (Zpos (Qden x))) with (Z_ (Qnum x) * (1 / Z_ (Zpos (Qden x))))
    by (field; apply Z_pos_neq_0).
  apply (le_mul F); [apply Z_nonneg, h|].
  apply inv_nonneg; [apply Z_nonneg; lia | apply Z_pos_neq_0].
Qed.

Lemma Q_le x y : (x <= y)%Q -> Q_ x <= Q_ y.
Proof.
  intros h. apply le_sub. rewrite <- Q_sub. apply Q_nonneg.
  unfold Qle in h. cbn. lia.
Qed.

Lemma Q_leb x y : Qle_bool x y = true -> Q_ x <= Q_ y.
Proof. intros h. apply Q_le, Qle_bool_iff, h. Qed.

Lemma Q_eqb x y : Qeq_bool x y = true -> Q_ x = Q_ y.
Proof. intros h. apply Q_eq, Qeq_bool_iff, h. Qed.

Lemma Q_qadd x y : Q_ (qadd x y) = Q_ x + Q_ y.
Proof. rewrite (Q_eq (qadd_spec x y)). apply Q_add. Qed.

Lemma Q_qsub x y : Q_ (qsub x y) = Q_ x - Q_ y.
Proof. rewrite (Q_eq (qsub_spec x y)). apply Q_sub. Qed.

Lemma Q_line_at p q x : Q_ (line_at p q x) = Q_ p + Q_ q * Q_ x.
Proof. rewrite (Q_eq (line_at_spec p q x)), Q_add, Q_mul. reflexivity. Qed.

Lemma Q_abs x : Q_ (Qabs x) = abs F (Q_ x).
Proof.
  unfold abs. destruct (le F 0 (Q_ x)) eqn:e.
  - destruct (Qlt_le_dec x 0) as [h|h].
    + assert (Q_ x = 0) as z.
      { apply (le_antisym F); [|exact e]. rewrite <- Q_0. apply Q_le, Qlt_le_weak, h. }
      rewrite (Q_eq (Qabs_neg x (Qlt_le_weak _ _ h))), Q_opp, z. ring.
    + apply Q_eq, Qabs_pos, h.
  - destruct (Qlt_le_dec x 0) as [h|h].
    + rewrite (Q_eq (Qabs_neg x (Qlt_le_weak _ _ h))). apply Q_opp.
    + apply Q_le in h. rewrite Q_0, e in h. discriminate.
Qed.

(** ** Proof: the network on a cell *)

Lemma clip_0 (z : F) : z <= 0 -> clip F z = 0.
Proof. intros h. unfold clip. rewrite h. reflexivity. Qed.

Lemma clip_1 (z : F) : 1 <= z -> clip F z = 1.
Proof.
  intros h. unfold clip. destruct (le F z 0) eqn:e; [|rewrite h; reflexivity].
  exfalso. apply one_neq_zero, (le_antisym F); [|exact one_nonneg].
  apply (le_trans F) with (y := z); assumption.
Qed.

Lemma clip_id (z : F) : 0 <= z -> z <= 1 -> clip F z = z.
Proof.
  intros h h'. unfold clip. destruct (le F z 0) eqn:e; [apply (le_antisym F); assumption|].
  destruct (le F 1 z) eqn:e'; [apply (le_antisym F); assumption | reflexivity].
Qed.

Definition base (m : Z) : F := Q_ (inject_Z m - (1 # 2)).

Lemma pixel_on_cell m phi j : 0 <= phi -> phi <= 1 ->
  pixel F (base m + phi) j = match (Z.abs j ?= m)%Z with Lt => 1 | Eq => phi | Gt => 0 end.
Proof.
  intros h h'. unfold pixel, base. rewrite Q_sub, Q_of_Z.
  replace (Z_ m - Q_ (1 # 2) + phi + Q_ (1 # 2) - Z_ (Z.abs j)) with (Z_ (m - Z.abs j) + phi)
    by (rewrite Z_sub; ring).
  destruct (Z.compare_spec (Z.abs j) m) as [e|l|l].
  - rewrite e, Z.sub_diag. change (Z_ 0) with (zero F).
    replace (0 + phi) with phi by ring. apply clip_id; assumption.
  - apply clip_1. apply le_sub. replace (m - Z.abs j)%Z with (m - Z.abs j - 1 + 1)%Z by ring.
    rewrite Z_add. change (Z_ 1) with (one F).
    replace (Z_ (m - Z.abs j - 1) + 1 + phi - 1) with (Z_ (m - Z.abs j - 1) + phi) by ring.
    apply nonneg_add; [apply Z_nonneg; lia | exact h].
  - apply clip_0. apply le_sub. replace (m - Z.abs j)%Z with (- (Z.abs j - m - 1 + 1))%Z by ring.
    rewrite Z_opp, Z_add. change (Z_ 1) with (one F). apply le_sub in h'.
    replace (0 - (- (Z_ (Z.abs j - m - 1) + 1) + phi))
      with (Z_ (Z.abs j - m - 1) + (1 - phi)) by ring.
    apply nonneg_add; [apply Z_nonneg; lia | exact h'].
Qed.

Lemma line_spec c m phi : 0 <= phi -> phi <= 1 -> forall ws j,
  filtered F c (base m + phi) (map Q_ ws) j
  = Q_ (fst (line c m ws j)) + Q_ (snd (line c m ws j)) * phi.
Proof.
  intros h h'. induction ws as [|w ws IH]; intros j; cbn [map filtered line].
  - cbn [fst snd]. rewrite Q_0. ring.
  - rewrite IH. destruct (line c m ws (j + 1)) as [start slope]. cbn [fst snd].
    unfold shown. destruct (source _ _ _) as [i|]; cbn [fst snd]; [|ring].
    rewrite pixel_on_cell by assumption.
    destruct (Z.abs i ?= m)%Z; cbn [fst snd]; rewrite ?Q_qadd; ring.
Qed.

(** Breaks in order, and pieces that meet there. *)
Fixpoint continuous (ts : list F) (ps : list (F * F)) : Prop :=
  match ts, ps with
  | t :: ts', p :: (q :: _) as more =>
      value F p t = value F q t
      /\ match ts' with t' :: _ => t <= t' | [] => True end /\ continuous ts' more
  | _, _ => True
  end.

Lemma Q_value p z : Q_ (qvalue p z) = value F (pair_of_Q F p) (Q_ z).
Proof. unfold qvalue. rewrite Q_add, Q_mul. reflexivity. Qed.

Lemma strictly_le x y : strictly x y = true -> Q_ x <= Q_ y.
Proof.
  unfold strictly. rewrite negb_true_iff. intros h. apply Q_le. apply Qnot_lt_le. intros l.
  apply Qlt_le_weak, Qle_bool_iff in l. congruence.
Qed.

Lemma continuous_spec ts : forall ps,
  increasing ts = true -> joined ts ps = true ->
  continuous (map Q_ ts) (map (pair_of_Q F) ps).
Proof.
  induction ts as [|t ts IH]; intros ps hi hj; [exact I|].
  destruct ps as [|p [|q ps]]; [exact I | exact I |].
  cbn [map continuous]. cbn [joined] in hj. apply andb_true_iff in hj. destruct hj as [e hj].
  apply Q_eqb in e. rewrite !Q_value in e. split; [exact e|].
  destruct ts as [|t' ts]; [split; exact I|].
  cbn [increasing] in hi. apply andb_true_iff in hi. destruct hi as [l hi].
  split; [apply strictly_le, l | apply (IH (q :: ps)); assumption].
Qed.

Lemma Q_num_nonpos x : Z.leb (Qnum x) 0 = true -> 0 <= - Q_ x.
Proof. intros h. rewrite <- Q_opp. apply Q_nonneg. cbn. lia. Qed.

Lemma piece_on_spec start slope u v phi : Q_ u <= phi -> phi <= Q_ v -> forall ts ps p,
  continuous (map Q_ ts) (map (pair_of_Q F) ps) ->
  piece_on ts ps start slope u v = Some p ->
  let z := Q_ start + Q_ slope * phi in
  sigma F (map Q_ ts) (map (pair_of_Q F) ps) z = value F (pair_of_Q F p) z.
Proof.
  intros hu hv ts. induction ts as [|t ts IH]; intros ps p hc e z.
  { destruct ps; [discriminate|]. cbn in e. injection e as <-. reflexivity. }
  destruct ps as [|p' ps]; [discriminate|]. cbn [piece_on] in e. cbn [map sigma].
  destruct (Z.leb _ 0 && Z.leb _ 0)%bool eqn:b.
  - injection e as <-. apply andb_true_iff in b. destruct b as [b b'].
    apply Q_num_nonpos in b. apply Q_num_nonpos in b'.
    rewrite Q_line_at, Q_qsub in b, b'.
    assert (z <= Q_ t) as l.
    { apply le_sub. unfold z.
      replace (Q_ t - (Q_ start + Q_ slope * phi))
        with ((Q_ t - Q_ start) + (- Q_ slope) * phi) by ring.
      apply between with (u := Q_ u) (v := Q_ v); try assumption.
      - replace (Q_ t - Q_ start + - Q_ slope * Q_ u)
          with (- (Q_ start - Q_ t + Q_ slope * Q_ u)) by ring. exact b.
      - replace (Q_ t - Q_ start + - Q_ slope * Q_ v)
          with (- (Q_ start - Q_ t + Q_ slope * Q_ v)) by ring. exact b'. }
    rewrite l. reflexivity.
  - clear b. destruct (Z.leb 0 _ && Z.leb 0 _)%bool eqn:b; [|discriminate].
    apply andb_true_iff in b. destruct b as [b b']. apply Z.leb_le in b. apply Z.leb_le in b'.
    apply Q_nonneg in b. apply Q_nonneg in b'. rewrite Q_line_at, Q_qsub in b, b'.
    assert (Q_ t <= z) as l.
    { apply le_sub. unfold z.
      replace (Q_ start + Q_ slope * phi - Q_ t) with (Q_ start - Q_ t + Q_ slope * phi) by ring.
      apply between with (u := Q_ u) (v := Q_ v); assumption. }
    destruct ps as [|q ps]; [destruct ts; discriminate|].
    cbn [map continuous] in hc. destruct hc as [ev [lt hc]].
    specialize (IH (q :: ps) p hc e). cbv zeta in IH. fold z in IH.
    destruct (le F z (Q_ t)) eqn:l'; [|exact IH].
    assert (z = Q_ t) as ez by (apply (le_antisym F); assumption).
    rewrite <- IH, ez, ev. destruct ts as [|t' ts]; cbn [map sigma]; [reflexivity|].
    cbn [map] in lt. rewrite lt. reflexivity.
Qed.

(** ** Proof: the error on a cell *)

Section Network.
Variable c : certificate.
Hypothesis c_continuous : continuous (map Q_ (breaks c)) (map (pair_of_Q F) (pieces c)).

Definition term_value (phi : F) (k : term) : F :=
  let '(a, start, slope) := k in Q_ a * activation F c (Q_ start + Q_ slope * phi).

Lemma sum_app xs ys : sum F (xs ++ ys) = sum F xs + sum F ys.
Proof. induction xs as [|x xs IH]; cbn [app sum]; [|rewrite IH]; ring. Qed.

Lemma sum_scaled {A} (x : F) (f : A -> F) l :
  x * sum F (map f l) = sum F (map (fun y => x * f y) l).
Proof. induction l as [|y l IH]; cbn [map sum]; [|rewrite <- IH]; ring. Qed.

Lemma terms_spec m phi : 0 <= phi -> phi <= 1 ->
  rhat F c (base m + phi) = Q_ (offset c) + sum F (map (term_value phi) (terms c m)).
Proof.
  intros h h'. unfold rhat, terms. f_equal.
  generalize (biases c) (readout c).
  induction (filters c) as [|w ws IH]; intros bs ks; [reflexivity|].
  destruct bs as [|b bs]; [reflexivity|]. destruct ks as [|a ks]; [reflexivity|].
  cbn [map combine flat_map sum]. rewrite map_app, sum_app, <- IH. f_equal.
  unfold channel. rewrite sum_scaled, map_map. f_equal. apply map_ext. intros i.
  assert (e := line_spec c m phi h h' w (i - half_taps c)).
  destruct (line c m w (i - half_taps c)) as [start slope]. cbn [fst snd] in e.
  unfold term_value. rewrite e, Q_qadd. f_equal. f_equal. ring.
Qed.

Lemma gather_spec phi ts :
  sum F (map (term_value phi) ts)
  = Q_ (fst (gather c ts)) + sum F (map (term_value phi) (snd (gather c ts))).
Proof.
  induction ts as [|[[a start] slope] ts IH]; cbn [map sum gather].
  { cbn [fst snd map sum]. rewrite Q_0. ring. }
  rewrite IH. destruct (gather c ts) as [constant moving]. cbn [fst snd].
  destruct (Z.eqb_spec (Qnum slope) 0) as [e|_]; [|cbn [fst snd map sum]; ring].
  destruct (piece_on _ _ _ _ _ _) as [[p q]|] eqn:on; [|cbn [fst snd map sum]; ring].
  cbn [fst snd]. rewrite Q_qadd, Q_mul, Q_qadd, Q_mul.
  assert (Q_ slope = 0) as z.
  { rewrite <- Q_0. apply Q_eq. unfold Qeq. cbn. lia. }
  assert (s := @piece_on_spec start slope 0 0 (zero F)). rewrite Q_0 in s.
  specialize (s (le_refl 0) (le_refl 0) _ _ _ c_continuous on). cbv zeta in s.
  unfold term_value, activation. rewrite z in *.
  replace (Q_ start + 0 * phi) with (Q_ start + 0 * 0) by ring. rewrite s.
  unfold value, pair_of_Q. cbn [fst snd]. ring.
Qed.

Lemma line_of_spec u v phi : Q_ u <= phi -> phi <= Q_ v -> forall ts p q,
  line_of c ts u v = Some (p, q) -> sum F (map (term_value phi) ts) = Q_ p + Q_ q * phi.
Proof.
  intros hu hv ts. induction ts as [|[[a start] slope] ts IH]; intros p q e; cbn [line_of] in e.
  { injection e as <- <-. cbn [map sum]. rewrite Q_0. ring. }
  destruct (piece_on _ _ _ _ _ _) as [[p' q']|] eqn:on; [|discriminate].
  destruct (line_of c ts u v) as [[constant rise]|]; [|discriminate].
  injection e as <- <-. cbn [map sum]. rewrite (IH _ _ eq_refl).
  assert (s := @piece_on_spec start slope u v phi hu hv _ _ _ c_continuous on). cbv zeta in s.
  unfold term_value, activation. rewrite s, !Q_qadd, !Q_mul, Q_qadd, Q_mul.
  unfold value, pair_of_Q. cbn [fst snd]. ring.
Qed.

(** A piece says what the error is. *)
Definition true_piece (p : piece) : Prop :=
  forall r, within F (Q_ (from p)) (Q_ (to p)) r -> error F c r = Q_ (start p) + Q_ (rise p) * r.

Lemma cell_pieces_spec m constant moving :
  (forall phi, 0 <= phi -> phi <= 1 ->
     rhat F c (base m + phi)
     = Q_ (offset c) + (Q_ constant + sum F (map (term_value phi) moving))) ->
  forall places u ps, cell_pieces c m constant moving u places = Some ps -> Forall true_piece ps.
Proof.
  intros h places. induction places as [|v places IH]; intros u ps e; cbn [cell_pieces] in e.
  { injection e as <-. constructor. }
  destruct (Qle_bool 0 u && Qle_bool v 1)%bool eqn:b; [|discriminate].
  destruct (line_of c moving u v) as [[p q]|] eqn:l; [|discriminate].
  destruct (cell_pieces c m constant moving v places) as [others|] eqn:o; [|discriminate].
  injection e as <-. constructor; [|exact (IH v others o)].
  intros r [hu hv]. cbn [from to start rise] in *. rewrite Q_add in hu, hv. fold (base m) in hu, hv.
  apply andb_true_iff in b. destruct b as [b b']. apply Q_leb in b. apply Q_leb in b'.
  rewrite Q_0 in b. rewrite Q_1 in b'.
  assert (exists phi, r = base m + phi) as [phi ->] by (exists (r - base m); ring).
  assert (Q_ u <= phi) as lu.
  { apply le_sub in hu. apply le_sub.
    replace (phi - Q_ u) with (base m + phi - (base m + Q_ u)) by ring. exact hu. }
  assert (phi <= Q_ v) as lv.
  { apply le_sub in hv. apply le_sub.
    replace (Q_ v - phi) with (base m + Q_ v - (base m + phi)) by ring. exact hv. }
  unfold error. rewrite h;
    [| apply (le_trans F) with (y := Q_ u); assumption
     | apply (le_trans F) with (y := Q_ v); assumption].
  rewrite (@line_of_spec u v _ lu lv _ _ _ l).
  rewrite !(Q_eq (rescale_spec _ _)), Q_qsub, !Q_qadd, Q_mul, Q_qsub, Q_1.
  unfold base. ring.
Qed.

Lemma cell_spec m ps : cell c m = Some ps -> Forall true_piece ps.
Proof.
  unfold cell. assert (g := fun phi => gather_spec phi (terms c m)).
  destruct (gather c (terms c m)) as [constant moving]. cbn [fst snd] in g.
  destruct (strictly _ _); [|intros e; injection e as <-; constructor].
  apply cell_pieces_spec. intros phi h h'. rewrite terms_spec, g by assumption. reflexivity.
Qed.

Lemma all_pieces_spec cells : forall ps, all_pieces c cells = Some ps -> Forall true_piece ps.
Proof.
  induction cells as [|m cells IH]; intros ps e; cbn [all_pieces] in e.
  { injection e as <-. constructor. }
  destruct (cell c m) as [these|] eqn:t; [|discriminate].
  destruct (all_pieces c cells) as [others|]; [|discriminate].
  injection e as <-. apply Forall_app. split; [exact (cell_spec m t) | exact (IH _ eq_refl)].
Qed.

(** ** Proof: from the lines to the claim *)

Lemma abs_le (x y : F) : abs F x <= y <-> 0 <= y - x /\ 0 <= y + x.
Proof.
  unfold abs. destruct (le F 0 x) eqn:e; split.
  - intros h. apply le_sub in h. split; [exact h|].
    replace (y + x) with (y - x + (x + x)) by ring. repeat (apply nonneg_add; try assumption).
  - intros [h _]. apply le_sub, h.
  - intros h. apply le_sub in h. replace (y - - x) with (y + x) in h by ring. split; [|exact h].
    destruct (nonneg_cases x) as [k|k]; [congruence|].
    replace (y - x) with (y + x + (- x + - x)) by ring. repeat (apply nonneg_add; try assumption).
  - intros [_ h]. apply le_sub. replace (y - - x) with (y + x) by ring. exact h.
Qed.

Lemma below_spec p bound r : true_piece p -> below bound p = true ->
  within F (Q_ (from p)) (Q_ (to p)) r -> abs F (error F c r) <= Q_ bound.
Proof.
  intros t b h. rewrite (t r h). unfold below, at_ in b. apply andb_true_iff in b.
  destruct b as [b b']. apply Q_leb in b. apply Q_leb in b'.
  rewrite Q_abs, Q_line_at in b, b'. apply abs_le in b. apply abs_le in b'.
  destruct b as [b1 b2], b' as [b1' b2'], h as [hu hv]. apply abs_le. split.
  - replace (Q_ bound - (Q_ (start p) + Q_ (rise p) * r))
      with (Q_ bound - Q_ (start p) + - Q_ (rise p) * r) by ring.
    apply between with (u := Q_ (from p)) (v := Q_ (to p)); try assumption.
    + replace (Q_ bound - Q_ (start p) + - Q_ (rise p) * Q_ (from p))
        with (Q_ bound - (Q_ (start p) + Q_ (rise p) * Q_ (from p))) by ring. exact b1.
    + replace (Q_ bound - Q_ (start p) + - Q_ (rise p) * Q_ (to p))
        with (Q_ bound - (Q_ (start p) + Q_ (rise p) * Q_ (to p))) by ring. exact b1'.
  - replace (Q_ bound + (Q_ (start p) + Q_ (rise p) * r))
      with (Q_ bound + Q_ (start p) + Q_ (rise p) * r) by ring.
    apply between with (u := Q_ (from p)) (v := Q_ (to p)); try assumption.
    + replace (Q_ bound + Q_ (start p) + Q_ (rise p) * Q_ (from p))
        with (Q_ bound + (Q_ (start p) + Q_ (rise p) * Q_ (from p))) by ring. exact b2.
    + replace (Q_ bound + Q_ (start p) + Q_ (rise p) * Q_ (to p))
        with (Q_ bound + (Q_ (start p) + Q_ (rise p) * Q_ (to p))) by ring. exact b2'.
Qed.

Lemma covers_spec ps r : forall lowest highest,
  ps <> [] -> covers lowest highest ps = true -> within F (Q_ lowest) (Q_ highest) r ->
  exists p, In p ps /\ within F (Q_ (from p)) (Q_ (to p)) r.
Proof.
  induction ps as [|p ps IH]; intros lowest highest n e [h h']; [congruence|].
  cbn [covers] in e. rewrite !andb_true_iff in e. destruct e as [[e l] k].
  apply Q_eqb in e. apply Q_leb in l. rewrite e in h.
  destruct (le_total F r (Q_ (to p))) as [i|i].
  { exists p. repeat split; [left; reflexivity | exact h | exact i]. }
  destruct ps as [|q ps].
  - cbn [covers] in k. apply Q_eqb in k. exists p.
    repeat split; [left; reflexivity | exact h | rewrite k; exact h'].
  - destruct (IH (to p) highest) as [x [hx hw]]; [discriminate | exact k | split; assumption |].
    exists x. split; [right; exact hx | exact hw].
Qed.

Lemma Q_2 : Q_ 2 = Z_ 2. Proof. exact (Q_of_Z 2). Qed.
Lemma Q_3 : Q_ 3 = Z_ 3. Proof. exact (Q_of_Z 3). Qed.

Lemma Q_moments p :
  let x := Q_ (start p) + Q_ (rise p) * Q_ (from p) in
  let y := Q_ (start p) + Q_ (rise p) * Q_ (to p) in
  Q_ (fst (moments p)) = (Q_ (to p) - Q_ (from p)) * (x + y) / Z_ 2
  /\ Q_ (snd (moments p)) = (Q_ (to p) - Q_ (from p)) * (x * x + x * y + y * y) / Z_ 3.
Proof.
  intros x y. subst x y. destruct (moments_spec p) as [e e'].
  assert (n2 := Z_pos_neq_0 2). assert (n3 := Z_pos_neq_0 3). split.
  - replace (Q_ (fst (moments p))) with (Q_ (fst (moments p) * 2) / Z_ 2)
      by (rewrite Q_mul, Q_2; field; exact n2).
    f_equal. rewrite (Q_eq (y := (to p - from p) * ((start p + rise p * from p)
                                                   + (start p + rise p * to p)))).
    + repeat rewrite ?Q_mul, ?Q_add, ?Q_sub. reflexivity.
    + rewrite e. field.
  - replace (Q_ (snd (moments p))) with (Q_ (snd (moments p) * 3) / Z_ 3)
      by (rewrite Q_mul, Q_3; field; exact n3).
    f_equal.
    rewrite (Q_eq (y := (to p - from p)
                        * ((start p + rise p * from p) * (start p + rise p * from p)
                           + (start p + rise p * from p) * (start p + rise p * to p)
                           + (start p + rise p * to p) * (start p + rise p * to p)))).
    + repeat rewrite ?Q_mul, ?Q_add, ?Q_sub. reflexivity.
    + rewrite e'. field.
Qed.

Lemma two : Z_ 2 = 1 + 1. Proof. reflexivity. Qed.
Lemma three : Z_ 3 = 1 + (1 + 1). Proof. reflexivity. Qed.

Lemma linear_integral (s q x y : F) :
  (y - x) * (s + q * x + (s + q * y)) / Z_ 2
  = s * (y - x) + q * (y * y - x * x) / Z_ 2 + 0 * (y * y * y - x * x * x) / Z_ 3.
Proof.
  assert (n2 := Z_pos_neq_0 2). assert (n3 := Z_pos_neq_0 3). rewrite two, three in *.
  field. auto.
Qed.

Lemma square_integral (s q x y : F) :
  (y - x) * ((s + q * x) * (s + q * x) + (s + q * x) * (s + q * y)
             + (s + q * y) * (s + q * y)) / Z_ 3
  = s * s * (y - x) + Z_ 2 * s * q * (y * y - x * x) / Z_ 2
    + q * q * (y * y * y - x * x * x) / Z_ 3.
Proof.
  assert (n2 := Z_pos_neq_0 2). assert (n3 := Z_pos_neq_0 3). rewrite two, three in *.
  field. auto.
Qed.

Lemma integral_spec ps : Forall true_piece ps -> forall lowest highest,
  covers lowest highest ps = true ->
  integral F (error F c) (Q_ lowest) (Q_ highest) (Q_ (qsum (map fst (map moments ps))))
  /\ integral F (fun r => error F c r * error F c r) (Q_ lowest) (Q_ highest)
       (Q_ (qsum (map snd (map moments ps)))).
Proof.
  induction 1 as [|p ps t _ IH]; intros lowest highest e; cbn [covers] in e.
  { apply Q_eqb in e. cbn [map qsum]. rewrite Q_0, e. split; constructor. }
  rewrite !andb_true_iff in e. destruct e as [[e l] k]. apply Q_eqb in e. apply Q_leb in l.
  destruct (IH _ _ k) as [i i']. destruct (Q_moments p) as [m m']. cbv zeta in m, m'.
  cbn [map qsum]. rewrite e, !Q_add, m, m'. split.
  - rewrite linear_integral. apply integral_piece; [exact l | | exact i].
    intros r h h'. rewrite (t r (conj h h')). ring.
  - rewrite square_integral. apply integral_piece; [exact l | | exact i'].
    intros r h h'. rewrite (t r (conj h h')), two. ring.
Qed.

End Network.

(** ** Proof: a common denominator changes nothing *)

Lemma map_rescaled d qs : map Q_ (map (rescale d) qs) = map Q_ qs.
Proof. rewrite map_map. apply map_ext. intros q. apply Q_eq, rescale_spec. Qed.

Lemma filters_rescaled c : map (map Q_) (filters (rescaled c)) = map (map Q_) (filters c).
Proof. cbn [rescaled filters]. rewrite map_map. apply map_ext. intros qs. apply map_rescaled. Qed.

Lemma pieces_rescaled c :
  map (pair_of_Q F) (pieces (rescaled c)) = map (pair_of_Q F) (pieces c).
Proof.
  cbn [rescaled pieces]. rewrite map_map. apply map_ext. intros [p q]. unfold pair_of_Q.
  cbn [fst snd]. rewrite !(Q_eq (rescale_spec _ _)). reflexivity.
Qed.

Lemma taps_rescaled c : taps (rescaled c) = taps c.
Proof.
  unfold taps. cbn [rescaled filters]. destruct (filters c); [reflexivity|]. cbn [map hd].
  rewrite map_length. reflexivity.
Qed.

Lemma error_rescaled c r : error F (rescaled c) r = error F c r.
Proof.
  unfold error, rhat. rewrite filters_rescaled.
  replace (map Q_ (biases (rescaled c))) with (map Q_ (biases c)) by (symmetry; apply map_rescaled).
  replace (map Q_ (readout (rescaled c))) with (map Q_ (readout c))
    by (symmetry; apply map_rescaled).
  assert (half_taps (rescaled c) = half_taps c) as h
    by (unfold half_taps; rewrite taps_rescaled; reflexivity).
  assert (positions (rescaled c) = positions c) as e.
  { unfold positions, padded. rewrite h. reflexivity. }
  f_equal. f_equal. f_equal. apply map_ext. intros [[w b] a]. unfold channel. rewrite e, h.
  f_equal. f_equal. apply map_ext. intros i. unfold activation. rewrite pieces_rescaled.
  replace (map Q_ (breaks (rescaled c))) with (map Q_ (breaks c)) by (symmetry; apply map_rescaled).
  f_equal. f_equal. generalize (i - half_taps c)%Z.
  induction w as [|x w IH]; intros j; cbn [filtered]; [reflexivity|]. rewrite IH. reflexivity.
Qed.

Lemma first_failure_spec cs : first_failure cs = None -> Forall (fun k => fst k = true) cs.
Proof.
  induction cs as [|[[|] reason] cs IH]; intros e; [constructor| |discriminate].
  constructor; [reflexivity | exact (IH e)].
Qed.

(** ** The theorem *)

Theorem check_sound (c : certificate) : check c = true -> claimed F c.
Proof.
  unfold check, rejection. destruct (first_failure _) eqn:e; [discriminate|]. intros _.
  apply first_failure_spec in e. unfold conditions in e. cbv zeta in e.
  set (ps := match error_lines c with Some ps => ps | None => [] end) in e.
  repeat match goal with h : Forall _ (_ :: _) |- _ =>
    apply Forall_cons_iff in h; let k := fresh "k" in destruct h as [k h]; cbn [fst] in k end.
  match goal with h : increasing _ = true |- _ => rename h into hi end.
  match goal with h : joined _ _ = true |- _ => rename h into hj end.
  match goal with h : covers _ _ _ = true |- _ => rename h into hc end.
  match goal with h : forallb _ _ = true |- _ => rename h into hb end.
  match goal with h : existsb _ _ = true |- _ => rename h into hr end.
  match goal with h : encloses (mean c) _ _ = true |- _ => rename h into hm end.
  match goal with h : encloses (mean_square c) _ _ = true |- _ => rename h into hs end.
  match goal with h : (Qle_bool _ (radius c) && _)%bool = true |- _ => rename h into hin end.
  assert (Forall (true_piece c) ps) as t.
  { subst ps. unfold error_lines in *. destruct (fits c && radii c)%bool; [|constructor].
    destruct (all_pieces _ _) as [ps|] eqn:l; [|constructor].
    apply all_pieces_spec in l.
    - eapply Forall_impl; [|exact l]. intros p h r w. rewrite <- error_rescaled. exact (h r w).
    - rewrite pieces_rescaled. cbn [rescaled breaks]. rewrite map_rescaled.
      apply continuous_spec; assumption. }
  assert (ps <> []) as n.
  { intros n. rewrite n in hr. discriminate. }
  unfold claimed. cbv zeta. repeat split.
  - intros r w. destruct (@covers_spec ps r _ _ n hc w) as [p [hp wp]].
    rewrite forallb_forall in hb. rewrite Forall_forall in t.
    exact (@below_spec c p _ r (t p hp) (hb p hp) wp).
  - apply andb_true_iff in hin. apply Q_leb, hin.
  - apply andb_true_iff in hin. apply Q_leb, hin.
  - apply existsb_exists in hr. destruct hr as [p [hp h]]. unfold reaches, at_ in h.
    rewrite !andb_true_iff in h. destruct h as [[h h'] e1]. apply Q_leb in h. apply Q_leb in h'.
    apply Q_eqb in e1. rewrite Q_abs, Q_line_at in e1.
    rewrite Forall_forall in t. rewrite (t p hp _ (conj h h')). exact e1.
  - apply Q_eqb. assumption.
  - apply encloses_spec in hm. destruct hm as [h h']. apply Q_le in h. apply Q_le in h'.
    rewrite Q_mul, Q_sub in h, h'. eexists. split; [|split; [exact h | exact h']].
    exact (proj1 (@integral_spec c ps t _ _ hc)).
  - apply encloses_spec in hs. destruct hs as [h h']. apply Q_le in h. apply Q_le in h'.
    rewrite Q_mul, Q_sub in h, h'. eexists. split; [|split; [exact h | exact h']].
    exact (proj2 (@integral_spec c ps t _ _ hc)).
Qed.

End Soundness.
