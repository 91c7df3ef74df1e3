using SemAim.Generators.Collections;

namespace SemAim.Generators.Ir;

/// <summary>A diagnostic as data.</summary>
/// <param name="Id">SEMxxxx</param>
/// <param name="Message">all lines, without the id</param>
/// <param name="At">the expression, statement or declaration it belongs to</param>
/// <param name="Start">offset of the wrong token in the text at that place; -1 for the whole of it</param>
/// <param name="Length">length of the token</param>
/// <param name="Fix">what to write instead, or empty</param>
/// <param name="Related">declarations that the message speaks of</param>
public sealed record Finding(string Id, string Message, int At, int Start = -1, int Length = 0, string Fix = "", EquatableArray<Related> Related = default);

/// <summary>A declaration that a diagnostic speaks of, by name: places are no part of what is cached.</summary>
/// <param name="Module">full name of its module; empty for the module of the finding</param>
/// <param name="Kind">what is meant by the name</param>
/// <param name="Name">a field, the number of a fact, a graph, or a graph and its parameter with a dot between</param>
public sealed record Related(string Module, RelatedKind Kind, string Name);

/// <summary>Kinds of declarations that diagnostics speak of.</summary>
public enum RelatedKind { Layer, Fact, Parameter, Results }
